export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

export const MIGRATED_TEMPLATE = 'sv_template';
export const EMPTY_TEMPLATE = 'sv_template_empty';

export function databaseUrl(
  { host, port }: ServerAddress,
  user: string,
  password: string,
  database: string,
): string {
  return `postgres://${user}:${password}@${host}:${port}/${database}`;
}
