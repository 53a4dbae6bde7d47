/**
 * Runs inside an app's container: has the app itself keep as much memory as makes it this share of what it may use, as a
 * leak does. By Node's inspector, which opens at a signal, to this container alone. Prints how much the app has then.
 */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';

/** Stands before this text when it is run. */
declare const share: number;

const INSPECTOR = 'http://127.0.0.1:9229/json/list';
const OPENS_WITHIN_MS = 10_000;

function processOfApp(): number {
  const found = readdirSync('/proc').find(
    (name) => /^\d+$/.test(name) && /^node\0(-[^\0]*\0)*dist\/api\.js/.test(commandOf(name)),
  );
  if (found === undefined) throw new Error('no app runs here');
  return Number(found);
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    // It has ended meanwhile.
    return '';
  }
}

async function debuggerUrl(): Promise<string> {
  const deadline = performance.now() + OPENS_WITHIN_MS;
  for (;;) {
    try {
      const [target] = (await (await fetch(INSPECTOR)).json()) as { webSocketDebuggerUrl: string }[];
      if (target !== undefined) return target.webSocketDebuggerUrl;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

process.kill(processOfApp(), 'SIGUSR1');
const socket = new WebSocket(await debuggerUrl());
await once(socket, 'open');
const expression =
  `globalThis.leaked = Buffer.alloc(Math.max(0, Math.round(${share} * process.constrainedMemory() - ` +
  'process.memoryUsage.rss())), 1); process.memoryUsage.rss()';
socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } }));
const [message] = (await once(socket, 'message')) as [{ data: string }];
const { result } = JSON.parse(message.data) as { result: { result: { value: number } } };
socket.close();
process.stdout.write(JSON.stringify({ residentBytes: result.result.value }));
