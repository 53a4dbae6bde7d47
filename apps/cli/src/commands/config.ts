import { loadConfig, type SettingName, settings } from '@sv-sdk/config';
import type { Command } from 'commander';
import { print } from '../output.ts';

export function addConfigCommands(program: Command): void {
  const config = program.command('config').description('the settings of the platform');
  config
    .command('check')
    .description('reads every setting of every process, and lists whatever is wrong')
    .option('--json', 'print JSON')
    .action((options: { json?: boolean }) => {
      const names = Object.keys(settings) as SettingName[];
      // Rejects with all the faults at once, which the program reports.
      loadConfig(names);
      print(
        { text: `All ${names.length} settings are in order.`, json: { ok: true, settings: names.length } },
        options.json ?? false,
      );
    });
}
