import type { Stack } from './stack.ts';

/** Where the apps of a stack have sent reads until now, and why: `replica_1, caught_up`. */
export async function countReads(
  stack: Pick<Stack, 'containersOf' | 'shellOrThrow'>,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const container of await stack.containersOf('app')) {
    const { stdout } = await stack.shellOrThrow(
      `docker exec ${container} node -e 'fetch("http://127.0.0.1:9464/metrics").then((r) => r.text()).then(console.log)'`,
    );
    for (const line of stdout.split('\n')) {
      const found = /^sv_db_reads_total\{(.*)\} (\d+)$/.exec(line);
      const labels = new Map(
        [...(found?.[1] ?? '').matchAll(/(\w+)="(\w+)"/g)].map(([, key, value]) => [key, value]),
      );
      if (found === null) continue;
      const place = `${labels.get('server')}, ${labels.get('reason')}`;
      counts.set(place, (counts.get(place) ?? 0) + Number(found[2]));
    }
  }
  return counts;
}
