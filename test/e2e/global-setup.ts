import { runOrThrow } from '../harness/run.ts';
import { project, removeProject, removeStack } from './stack.ts';

/**
 * What an interrupted run left behind, of any test file's stack, would make this one's results depend on it: its
 * containers come back with the engine, wherever that run's checkout was.
 */
export async function setup(): Promise<void> {
  const list = ['ps', '--all', '--format', '{{.Label "com.docker.compose.project"}}'];
  const { stdout } = await runOrThrow('docker', list);
  const left = new Set(stdout.split('\n').filter((name) => name.startsWith(`${project}-`)));
  for (const name of left) await removeProject(name);
  await removeStack();
}

export const teardown = removeStack;
