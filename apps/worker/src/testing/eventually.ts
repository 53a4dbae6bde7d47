import { expect } from 'vitest';

/** Looks again and again; vitest's own patience is one second, which a busy machine can take for one look. */
export const eventually = <T>(look: () => T) => expect.poll(look, { timeout: 30_000 });
