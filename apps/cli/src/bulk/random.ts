/**
 * Random-looking numbers that depend on nothing but where they stand: the same stream, row and draw give the same
 * number in every run, and a row can be made again without those before it.
 */

/** Murmur3's last step: mixes every bit, and no two inputs have the same output. */
function mix(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** A stream of its own for each name, as a word to hand to {@link wordAt}. */
export function streamOf(name: string): number {
  let word = 0x9e3779b9;
  for (const character of name) word = mix(word ^ (character.codePointAt(0) ?? 0));
  return word;
}

/** 32 random bits. Of one stream and draw, two rows never have the same (up to 2^32 rows). */
export function wordAt(stream: number, row: number, draw: number): number {
  // Odd factors, so that neither row nor draw loses a bit.
  return mix((stream + Math.imul(row, 0x9e3779b1) + Math.imul(draw, 0x7feb352d)) | 0);
}

export function pick<T>(list: readonly T[], word: number): T {
  const item = list[word % list.length];
  if (item === undefined) throw new Error('there is nothing to pick from');
  return item;
}

/** Four hexadecimal digits of every 16-bit word: looking them up is four times as fast as toString and padStart. */
const HEX = Array.from({ length: 0x10000 }, (_, word) => word.toString(16).padStart(4, '0'));

/** The UUIDv7 of a row: its time (milliseconds since 1970), and bits that no other row of the stream has. */
export function uuidAt(stream: number, row: number, timeMs: number): string {
  const high = Math.floor(timeMs / 0x10000);
  const unique = wordAt(stream, row, 1);
  const more = wordAt(stream, row, 2);
  const most = wordAt(stream, row, 3);
  return `${HEX[high >>> 16]}${HEX[high & 0xffff]}-${HEX[timeMs % 0x10000]}-${HEX[0x7000 | (more >>> 20)]}-${
    HEX[0x8000 | (most & 0x3fff)]
  }-${HEX[unique >>> 16]}${HEX[unique & 0xffff]}${HEX[more & 0xffff]}`;
}
