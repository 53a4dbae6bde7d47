/**
 * Runs in the tests' image, in the network of a container of the stack (inside.ts): to which of `targets` a connection can be
 * made. Prints their places in the list as JSON. Others import its types only.
 */
import { connect } from 'node:net';

export interface Target {
  readonly address: string;
  readonly port: number;
}

/** Stands before this text when it is run. */
declare const targets: readonly Target[];

/** On a busy machine the first packet may be lost, or late; what is cut off is so each time. */
const ATTEMPTS = 3;
const ATTEMPT_LIMIT_MS = 1_500;

function tryOnce({ address, port }: Target): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const end = (isConnected: boolean) => {
      clearTimeout(limit);
      socket.destroy();
      resolve(isConnected);
    };
    const limit = setTimeout(() => end(false), ATTEMPT_LIMIT_MS);
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

async function isReached(target: Target): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (await tryOnce(target)) return true;
  }
  return false;
}

const answers = await Promise.all(targets.map(isReached));
process.stdout.write(JSON.stringify(answers.flatMap((isOpen, index) => (isOpen ? [index] : []))));
