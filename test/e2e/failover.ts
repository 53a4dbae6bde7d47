import { containersOf, shellOrThrow } from './stack.ts';

export type Node = 'postgres' | 'postgres-replica';

export const otherThan = (node: Node): Node => (node === 'postgres' ? 'postgres-replica' : 'postgres');

/** As the nodes themselves know it. */
export async function primaryNode(): Promise<Node> {
  const [container] = await containersOf('postgres postgres-replica');
  const { stdout } = await shellOrThrow(`docker exec ${container} cat /topology/primary`);
  return stdout.trim() as Node;
}

/** The verb as a person types it; its output. */
export async function failOver(options: { force?: boolean } = {}): Promise<string> {
  return (await shellOrThrow(`make failover${options.force ? ' FORCE=1' : ''}`)).output;
}

export async function rejoin(options: { force?: boolean } = {}): Promise<string> {
  return (await shellOrThrow(`make rejoin${options.force ? ' FORCE=1' : ''}`)).output;
}
