export {
  type Budget,
  type ConnectionNeeds,
  type ConnectionPlan,
  type ConnectionUse,
  connectionPlan,
  type Excess,
  excessOf,
  type InstanceConnections,
  instanceConnections,
} from './connection-plan.ts';
export {
  ConfigError,
  type ConfigFault,
  isSet,
  loadConfig,
  loadConfigOrExit,
  PLANNED_PREFIX,
  withCurrentPassword,
  withPassword,
} from './load.ts';
export { addressOf, isBundled, isOfThisStack, isPooled, type ServerUrlName, usesTls } from './servers.ts';
export {
  bytes,
  type Config,
  type EmailProviderName,
  type KeyRing,
  type SettingName,
  SNS_TOPIC_ARN,
  settings,
} from './settings.ts';
