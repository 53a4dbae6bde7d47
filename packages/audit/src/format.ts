import { stringify } from 'csv-stringify/sync';
import type { AuditRow } from './search.ts';

export type ExportFormat = 'csv' | 'json';

export const EXPORT_CONTENT_TYPES: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv',
  json: 'application/json',
};

const COLUMNS = [
  'id',
  'createdAt',
  'eventType',
  'userId',
  'ipAddress',
  'metadata',
  'piiMasked',
  'sequence',
  'hash',
] as const satisfies readonly (keyof AuditRow)[];

/**
 * An export as a file: CSV with a line of names (RFC 4180; `metadata` as JSON), or a JSON array with a row a line. One
 * chunk a batch. A text that a spreadsheet would take for a formula (`=`, `+`, `-`, `@`, tab, CR) gets a `'` in front
 * of it in CSV.
 */
export function formatExport(
  batches: AsyncIterable<readonly AuditRow[]>,
  format: ExportFormat,
): AsyncGenerator<string> {
  return format === 'csv' ? csv(batches) : json(batches);
}

async function* csv(batches: AsyncIterable<readonly AuditRow[]>): AsyncGenerator<string> {
  const write = (lines: readonly (readonly unknown[])[]) =>
    stringify([...lines] as unknown[][], {
      escape_formulas: true,
      record_delimiter: '\r\n',
      cast: { boolean: String, date: (date) => date.toISOString(), object: (value) => JSON.stringify(value) },
    });
  yield write([COLUMNS]);
  for await (const rows of batches) yield write(rows.map((row) => COLUMNS.map((column) => row[column])));
}

async function* json(batches: AsyncIterable<readonly AuditRow[]>): AsyncGenerator<string> {
  let separator = '[\n';
  for await (const rows of batches) {
    const lines = rows.map((row) =>
      JSON.stringify(Object.fromEntries(COLUMNS.map((name) => [name, row[name]]))),
    );
    yield separator + lines.join(',\n');
    separator = ',\n';
  }
  yield separator === '[\n' ? '[]\n' : '\n]\n';
}
