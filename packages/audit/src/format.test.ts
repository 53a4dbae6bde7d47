import { expect, test } from 'vitest';
import { type ExportFormat, formatExport } from './format.ts';
import type { AuditRow } from './search.ts';

const row: AuditRow = {
  id: 'a',
  createdAt: new Date('2026-01-02T03:04:05.678Z'),
  eventType: 'user.created',
  userId: null,
  ipAddress: '192.0.2.1',
  metadata: { name: 'Ä "quoted", and\na line', n: 1 },
  piiMasked: true,
  sequence: 7,
  hash: 'v1.x.y',
};

async function written(rows: readonly AuditRow[][], format: ExportFormat): Promise<string> {
  async function* batches() {
    yield* rows;
  }
  const chunks: string[] = [];
  for await (const chunk of formatExport(batches(), format)) chunks.push(chunk);
  return chunks.join('');
}

test('CSV has a line of names, CRLF, and quotes where a value needs them', async () => {
  expect(await written([[row], [{ ...row, id: 'b', sequence: null, hash: null }]], 'csv')).toBe(
    [
      'id,createdAt,eventType,userId,ipAddress,metadata,piiMasked,sequence,hash',
      'a,2026-01-02T03:04:05.678Z,user.created,,192.0.2.1,"{""name"":""Ä \\""quoted\\"", and\\na line"",""n"":1}",true,7,v1.x.y',
      'b,2026-01-02T03:04:05.678Z,user.created,,192.0.2.1,"{""name"":""Ä \\""quoted\\"", and\\na line"",""n"":1}",true,,',
      '',
    ].join('\r\n'),
  );
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx', '=HYPERLINK("http://192.0.2.1","x")'])(
  'no spreadsheet takes %j for a formula',
  async (text) => {
    const csv = await written([[{ ...row, eventType: text, userId: text, ipAddress: text }]], 'csv');
    // In front of the text, inside of the quotes where it has any.
    const guarded = `'${text.replaceAll('"', '""')}`;
    expect(csv.split(guarded)).toHaveLength(4);
    expect(csv.replaceAll(guarded, '')).not.toContain(text);
  },
);

test.each([
  ['no batch', []],
  ['one row', [[row]]],
  ['several batches', [[row, row], [row], [row]]],
])('JSON is valid as a whole: %s', async (_name, batches: AuditRow[][]) => {
  const whole = await written(batches, 'json');
  const plain = { ...row, createdAt: row.createdAt.toISOString() };
  expect(JSON.parse(whole)).toEqual(batches.flat().map(() => plain));
});
