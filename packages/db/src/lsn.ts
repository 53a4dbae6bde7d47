/**
 * A position in Postgres' write-ahead log, from its text form: two hexadecimal 32-bit halves, `16/B374D848`.
 * The halves have no leading zeros, so texts can't be compared; 64 bits don't fit a JavaScript number.
 */
export function parseLsn(text: string): bigint {
  const match = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text);
  if (match === null) throw new Error(`"${text}" is not a WAL position`);
  return (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`);
}
