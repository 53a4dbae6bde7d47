/** The real command, on a process of the test's own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { runSdk } from '../testing/sdk.ts';

/** A process that is busy, under a name that a profile shows; it says something once it runs. */
async function startBusy(): Promise<number> {
  // Recursive, so that V8 shows it by its own name also once it is optimised.
  const source = `
    function busyAtWork(depth) { return depth < 2 ? 1 : busyAtWork(depth - 1) + busyAtWork(depth - 2); }
    function again() { busyAtWork(22); setTimeout(again, 1); }
    globalThis.kept = { rememberMe: 'a-secret-that-is-kept' };
    again();
    console.log('runs');`;
  const child = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  await once(child.stdout, 'data');
  return child.pid as number;
}

const inspectorAnswers = () =>
  fetch('http://127.0.0.1:9229/json').then(
    () => true,
    () => false,
  );

test('a profile tells where the time went, a heap snapshot what is kept, and the inspector is closed again', async () => {
  const pid = String(await startBusy());
  const profiled = await runSdk(['inspect', 'profile', '--seconds', '1', '--pid', pid], {});
  expect(profiled.exitCode, profiled.stderr).toBe(0);
  const profile = JSON.parse(profiled.stdout) as { nodes: { callFrame: { functionName: string } }[] };
  expect(profile.nodes.map(({ callFrame }) => callFrame.functionName)).toContain('busyAtWork');
  await expect.poll(inspectorAnswers).toBe(false);

  const taken = await runSdk(['inspect', 'heap-snapshot', '--pid', pid], {});
  expect(taken.exitCode, taken.stderr).toBe(0);
  const snapshot = JSON.parse(taken.stdout) as { snapshot: { node_count: number }; strings: string[] };
  expect(snapshot.strings).toContain('a-secret-that-is-kept');
  await expect.poll(inspectorAnswers).toBe(false);
});
