/** What settings must hold together: a feature that is on has all that it needs. */
import type { ConfigFault } from './load.ts';
import { productionRules } from './production-rules.ts';
import { serverRule } from './server-rules.ts';
import type { Config, EmailProviderName, SettingName } from './settings.ts';

/** As read so far: a faulty one is absent. */
export type Settings = Partial<Config<SettingName>>;

export interface SettingRule {
  /** Checked where a process reads all of these. */
  readonly concerns: readonly SettingName[];
  check(config: Settings): ConfigFault[];
}

const NEEDED_BY: Readonly<Record<EmailProviderName, readonly SettingName[]>> = {
  smtp: ['SMTP_URL'],
  // Without keys the SDK looks for a role of the machine (an instance profile).
  ses: ['AWS_REGION'],
  brevo: ['BREVO_API_KEY'],
  sendgrid: ['SENDGRID_API_KEY'],
  mock: [],
};

const PAIRS: readonly (readonly [SettingName, SettingName])[] = [
  ['SMTP_USER', 'SMTP_PASSWORD'],
  ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'],
];

const emailProviders: SettingRule = {
  concerns: [
    'EMAIL_PROVIDER',
    'EMAIL_FALLBACK_PROVIDER',
    ...Object.values(NEEDED_BY).flat(),
    ...PAIRS.flat(),
  ],
  check(config) {
    const faults: ConfigFault[] = [];
    const chosen = (['EMAIL_PROVIDER', 'EMAIL_FALLBACK_PROVIDER'] as const).map(
      (by) => [by, config[by]] as const,
    );
    for (const [by, provider] of chosen) {
      for (const name of provider === undefined ? [] : NEEDED_BY[provider]) {
        if (config[name] === undefined)
          faults.push({ name, expected: `is missing; ${by}=${provider} needs it` });
      }
    }
    for (const pair of PAIRS) {
      const missing = pair.filter((name) => config[name] === undefined);
      const [name] = missing;
      const other = pair.find((candidate) => candidate !== name);
      if (missing.length === 1 && name !== undefined)
        faults.push({ name, expected: `is missing; ${other} is set` });
    }
    if (
      config.EMAIL_FALLBACK_PROVIDER !== undefined &&
      config.EMAIL_FALLBACK_PROVIDER === config.EMAIL_PROVIDER
    ) {
      faults.push({ name: 'EMAIL_FALLBACK_PROVIDER', expected: 'must be another than EMAIL_PROVIDER' });
    }
    return faults;
  },
};

const S3_SETTINGS = [
  'BACKUP_S3_ENDPOINT',
  'BACKUP_S3_BUCKET',
  'BACKUP_S3_REGION',
  'BACKUP_S3_KEY_ID',
  'BACKUP_S3_SECRET',
] as const;

const backups: SettingRule = {
  concerns: [
    'BACKUP_REPOSITORY',
    'BACKUP_ENCRYPTION_KEY',
    'BACKUP_FULL_DAYS',
    'BACKUP_INCREMENTAL_HOURS',
    'BACKUP_RETENTION_DAYS',
    ...S3_SETTINGS,
  ],
  check(config) {
    const repository = config.BACKUP_REPOSITORY;
    if (repository === undefined || repository === 'off') return [];
    const needed: readonly SettingName[] = [
      'BACKUP_ENCRYPTION_KEY',
      ...(repository === 's3' ? S3_SETTINGS : []),
    ];
    const faults: ConfigFault[] = needed
      .filter((name) => config[name] === undefined)
      .map((name) => ({ name, expected: `is missing; BACKUP_REPOSITORY=${repository} needs it` }));
    const { BACKUP_FULL_DAYS: full, BACKUP_INCREMENTAL_HOURS: incremental } = config;
    if (full !== undefined && incremental !== undefined && incremental > full * 24) {
      faults.push({ name: 'BACKUP_INCREMENTAL_HOURS', expected: 'must not be longer than BACKUP_FULL_DAYS' });
    }
    const kept = config.BACKUP_RETENTION_DAYS;
    if (full !== undefined && kept !== undefined && kept < full) {
      faults.push({ name: 'BACKUP_RETENTION_DAYS', expected: 'must not be less than BACKUP_FULL_DAYS' });
    }
    return faults;
  },
};

/** What calls for fewer instances must lie below what calls for more, or the number would never rest. */
const ORDERED: readonly (readonly [SettingName, '<' | '<=', SettingName])[] = [
  ['AUTOSCALE_APP_MIN', '<=', 'AUTOSCALE_APP_MAX'],
  ['AUTOSCALE_APP_CPU_DOWN_PERCENT', '<', 'AUTOSCALE_APP_CPU_UP_PERCENT'],
  ['AUTOSCALE_APP_RESPONSE_DOWN_MS', '<', 'AUTOSCALE_APP_RESPONSE_UP_MS'],
  ['AUTOSCALE_WORKER_MIN', '<=', 'AUTOSCALE_WORKER_MAX'],
  ['AUTOSCALE_WORKER_DEPTH_DOWN', '<', 'AUTOSCALE_WORKER_DEPTH_UP'],
];

const orderedPairs: readonly SettingRule[] = ORDERED.map(([low, relation, high]) => ({
  concerns: [low, high],
  check(config) {
    const [lowValue, highValue] = [Number(config[low]), Number(config[high])];
    if (lowValue < highValue || (relation === '<=' && lowValue === highValue)) return [];
    // A faulty one is absent, and named already.
    if (Number.isNaN(lowValue) || Number.isNaN(highValue)) return [];
    const expected = relation === '<' ? 'less than' : 'at most';
    return [{ name: low, expected: `must be ${expected} ${high} (${highValue})` }];
  },
}));

export const rules: readonly SettingRule[] = [
  emailProviders,
  backups,
  serverRule,
  ...orderedPairs,
  ...productionRules,
];
