/** The guide's chapter "High Memory Usage": leaks, what is kept, and the caches. */
import { expectNone, type Finding, judge, mebibytes, percent } from './finding.ts';
import type { Chapter, Sources } from './sources.ts';

/** At a container's limit the kernel ends the process. */
const PROCESS_RATIO = 0.85;
const REDIS_RATIO = 0.9;
const HOST_RATIO = 0.8;
/** The least heap of the last ten minutes against that of an hour ago: what the collector can't free. */
const GROWTH_RATIO = 0.25;
/** Less is no leak that anybody would notice. */
const GROWTH_BYTES = 32 * 1024 ** 2;

export const highMemory: Chapter = {
  'memory of the processes': processes,
  'heaps that grow': growingHeaps,
  'memory outside of the heap': outsideOfHeap,
  'memory of the Redis servers': redis,
  'memory of the host': host,
};

async function processes(check: string, { prometheus }: Sources): Promise<Finding> {
  const found = await prometheus.series(
    'sort_desc(process_resident_memory_bytes / on (job, instance) (sv_process_memory_limit_bytes > 0))',
  );
  return judge({
    check,
    figure: found[0]?.value,
    limit: PROCESS_RATIO,
    is: 'above',
    say: percent,
    more: ofInstances(found.slice(0, 4), percent),
    next: `make heap-snapshot SERVICE=${found[0]?.labels['job'] ?? 'app'}; APP_MEMORY or WORKER_MEMORY in .env gives more`,
  });
}

async function growingHeaps(check: string, { prometheus }: Sources): Promise<Finding> {
  const before = 'min_over_time(nodejs_heap_size_used_bytes[10m] offset 50m)';
  const growth = `min_over_time(nodejs_heap_size_used_bytes[10m]) - ${before}`;
  const found = await prometheus.series(
    `sort_desc((${growth}) > ${GROWTH_BYTES} and (${growth}) / ${before} > ${GROWTH_RATIO})`,
  );
  return expectNone({
    check,
    found: found.map(
      ({ labels, value }) => `${labels['job']} ${labels['instance']} by ${mebibytes(value)} in an hour`,
    ),
    next: `make heap-snapshot SERVICE=${found[0]?.labels['job'] ?? 'app'}, twice, and compare what was added`,
  });
}

async function outsideOfHeap(check: string, { prometheus }: Sources): Promise<Finding> {
  const found = await prometheus.series(
    'sort_desc(nodejs_external_memory_bytes / on (job, instance) (sv_process_memory_limit_bytes > 0))',
  );
  return judge({
    check,
    figure: found[0]?.value,
    limit: 0.5,
    is: 'above',
    say: percent,
    more: ofInstances(found.slice(0, 2), percent),
    next: 'large bodies or attachments in work: EMAIL_ATTACHMENTS_MAX_BYTES, EMAIL_CONCURRENCY (docs/operations/settings.md)',
  });
}

async function redis(check: string, { prometheus }: Sources): Promise<Finding> {
  const found = await prometheus.series('sort_desc(instance:redis_memory_used:ratio)');
  return judge({
    check,
    figure: found[0]?.value,
    limit: REDIS_RATIO,
    is: 'above',
    say: percent,
    more: ofInstances(found, percent),
    next: 'docs/runbooks/redis-memory-high.md',
  });
}

async function host(check: string, { prometheus }: Sources): Promise<Finding> {
  return judge({
    check,
    figure: await prometheus.value('max(instance:node_memory_used:ratio)'),
    limit: HOST_RATIO,
    is: 'above',
    say: percent,
    next: 'docker stats --no-stream; docs/runbooks/scale-host-memory.md',
  });
}

const ofInstances = (
  found: readonly { labels: Readonly<Record<string, string>>; value: number }[],
  say: (value: number) => string,
) => found.map(({ labels, value }) => `${labels['job']} ${labels['instance']} ${say(value)}`).join(', ');
