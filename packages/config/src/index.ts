export { ConfigError, type ConfigFault, loadConfig, loadConfigOrExit, withPassword } from './load.ts';
export {
  type Config,
  type EmailProviderName,
  type SettingName,
  SNS_TOPIC_ARN,
  settings,
} from './settings.ts';
