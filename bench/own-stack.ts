/** The stack that benchmarks run on: the end-to-end tests', in a known state. */
import { environment, project, removeStack, shellOrThrow, startStack } from '../test/e2e/stack.ts';

/** Set by run.ts, which starts one stack for all that it runs. */
export const STACK_RUNS = 'BENCH_STACK_RUNS';

/** A stack with nothing in it but what `make up` makes; `stack` removes it. */
export async function startOwnStack(stack: AsyncDisposableStack): Promise<void> {
  // Tests lift it, as a test must not fail for what runs beside it. Here it is part of what is measured.
  delete environment['OVERLOAD_EVENT_LOOP_DELAY_MS'];
  if (process.env[STACK_RUNS] !== undefined) return;
  await removeStack();
  stack.defer(removeStack);
  await startStack();
}

/** Where a container listens, from this machine: the engine's proxy for published ports costs a third of a core. */
export async function addressOf(container: string, network = 'web'): Promise<string> {
  const { stdout } = await shellOrThrow(
    `docker inspect --format '{{(index .NetworkSettings.Networks "${project}_${network}").IPAddress}}' ${container}`,
  );
  const address = stdout.trim();
  if (address === '') throw new Error(`${container} is not in the network ${network}`);
  return address;
}
