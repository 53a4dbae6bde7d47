import { getContainerRuntimeClient } from 'testcontainers';

/** CPU milliseconds that a container has used until now: its cgroup's own count, as the engine tells it. */
export async function cpuMsOf(containerId: string): Promise<number> {
  const { dockerode } = (await getContainerRuntimeClient()).container;
  const stats = await dockerode.getContainer(containerId).stats({ stream: false, 'one-shot': true });
  return stats.cpu_stats.cpu_usage.total_usage / 1e6;
}
