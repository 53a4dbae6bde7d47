/** Whether everything is watched, and the watching works. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SHORT_RULES } from '../alert-rules.ts';
import { shellOrThrow } from '../stack.ts';
import { pausing, type Room, stopping } from './cause.ts';

/** Scraped besides, by a file of the form of infra/prometheus/scale. */
export async function scrapeMore(name: string, configuration: string): Promise<void> {
  writeFileSync(join(SHORT_RULES, 'scale', name), configuration);
  await reload();
}

export async function scrapeNoMore(name: string): Promise<void> {
  rmSync(join(SHORT_RULES, 'scale', name), { force: true });
  await reload();
}

const reload = () => shellOrThrow('docker compose kill --signal HUP prometheus');

const TWICE = 'twice.yml';
const twice = (targets: string) => `scrape_configs:
  - job_name: twice
    static_configs: [${targets}]
`;

export const monitoring: Room = {
  name: 'monitoring',
  causes: [
    ['an exporter that hangs', { alerts: ['InstanceDown'], ...pausing('nginx-exporter') }],
    ['no worker is there', { alerts: ['TargetMissing'], ...stopping('worker') }],
    [
      // Of each node of the database there are two limits then, and its share is of neither.
      'what tells of the database is scraped twice',
      {
        alerts: ['RulesFailing'],
        start: () =>
          scrapeMore(TWICE, twice('{ targets: ["node-exporter:9100"], labels: { instance: host } }')),
        // Of a target that goes Prometheus marks what it had as gone; of a job that goes, it is remembered for 5 minutes.
        end: () => scrapeMore(TWICE, twice('')),
        cleanUp: () => scrapeNoMore(TWICE),
      },
    ],
  ],
};
