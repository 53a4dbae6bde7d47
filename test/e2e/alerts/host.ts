/** The machine under it all: its disk, by a small one of its own, and its memory. */
import { eventually, query } from '../client.ts';
import { shell, shellOrThrow } from '../stack.ts';
import { type Cause, pause, type Room, recreate, removeHelper, startHelper } from './cause.ts';

export const host: Room['causes'] = [
  ['a disk fills', diskFills()],
  ["most of the host's memory is in use", memoryInUse()],
];

/** Above the alert's 80 %. */
const USED_MEMORY_SHARE = 0.83;
/** For the process itself, beside what it holds. */
const OWN_MEMORY_BYTES = 128 * 1024 ** 2;

/**
 * Not the host's own disk, which others need: node-exporter has a small one in memory for its root, and tells of that
 * (`--path.rootfs`); all else of it is as it was.
 */
function diskFills(): Cause {
  const inside = (command: string) => `docker compose exec -T node-exporter sh -c '${command}'`;
  return {
    alerts: ['DiskFullSoon', 'DiskAlmostFull'],
    async prepare() {
      const { stdout } = await shellOrThrow(
        "docker inspect --format '{{json .Config.Cmd}}' $(docker compose ps --quiet node-exporter)",
      );
      const options = [...(JSON.parse(stdout) as string[]), '--path.rootfs=/small'];
      const command = options.map((option) => `'${option.replaceAll('$', '\\$')}'`).join(' ');
      await shellOrThrow(
        `NODE_EXPORTER_COMMAND="${command}" docker compose -f docker-compose.yml -f test/e2e/alerts/small-root.compose.yml` +
          ' up -d --no-deps node-exporter',
      );
      // From the host's disk to this one it went down by gigabytes: not until that is out of sight is it none of the cause.
      await eventually(
        () => query('node_filesystem_size_bytes{mountpoint="/", fstype="tmpfs"} offset 45s'),
        (found) => found.length === 1,
        { seconds: 120, what: 'the small disk, for long enough, in Prometheus' },
      );
    },
    // 16 MiB in a minute or two, by which the line of what is left can be seen.
    traffic: async () => {
      await shell(inside('head -c 262144 /dev/zero >>/small/filling'));
      await pause(1_000);
    },
    lanes: 1,
    end: () => shellOrThrow(inside('rm -f /small/filling')),
    cleanUp: () => recreate('node-exporter'),
    firesSeconds: 300,
  };
}

/** Really used. */
function memoryInUse(): Cause {
  return {
    alerts: ['ScaleHostMemory'],
    async start() {
      // Also while the exporter gets its small disk.
      const [total] = await query('last_over_time(node_memory_MemTotal_bytes[1m])');
      const [available] = await query('last_over_time(node_memory_MemAvailable_bytes[1m])');
      if (total === undefined || available === undefined)
        throw new Error('the host tells nothing of its memory');
      const bytes = Math.round(available.value - (1 - USED_MEMORY_SHARE) * total.value);
      await startHelper('used-memory', {
        USED_BYTES: String(bytes),
        USED_MEMORY_LIMIT: String(bytes + OWN_MEMORY_BYTES),
      });
    },
    end: () => removeHelper('used-memory'),
  };
}
