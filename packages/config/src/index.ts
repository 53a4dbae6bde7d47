export { ConfigError, type ConfigFault, loadConfig, loadConfigOrExit, withPassword } from './load.ts';
export { type Config, type SettingName, settings } from './settings.ts';
