/** Uses so much memory (`USED_BYTES`) until it is ended. In pieces: one of this size may be more than a buffer can be. */
const PIECE_BYTES = 1e8;
const held: Buffer[] = [];
for (let left = Number(process.env['USED_BYTES']); left > 0; left -= PIECE_BYTES) {
  held.push(Buffer.alloc(Math.min(left, PIECE_BYTES), 1));
}
setInterval(() => held.length, 1e6);
