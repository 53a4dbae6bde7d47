/** For tests: the stack's own Prometheus with a past that the test has written. */
import { GenericContainer, Wait } from 'testcontainers';
import { onTestFinished } from 'vitest';

const PORT = 9090;
const IMAGE = `sv-sdk/prometheus:${process.env['SV_VERSION'] ?? 'dev'}`;
const INTERVAL_SECONDS = 10;

export interface Past {
  /** With its labels, as the recording rules name it. */
  readonly series: string;
  /** The oldest first, one every 10 s. */
  readonly values: readonly (number | undefined)[];
  /** When the last of them was; by default, now. */
  readonly endedSecondsAgo?: number;
}

/** Answers the URL. The series are stored, not scraped: they end where the past ends. */
export async function startPrometheus(pasts: readonly Past[]): Promise<string> {
  // Its own image can't be pulled on a host without a registry; what we start, we stop.
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
  const container = await new GenericContainer(IMAGE)
    .withCopyContentToContainer([
      { content: openMetrics(pasts, Date.now() / 1000), target: '/tmp/past.om' },
      { content: 'global: {}\n', target: '/tmp/prometheus.yml' },
    ])
    .withEntrypoint(['/bin/sh', '-c'])
    .withCommand([
      // Of nothing no block can be made.
      (pasts.length === 0 ? '' : 'promtool tsdb create-blocks-from openmetrics /tmp/past.om /prometheus &&') +
        ' exec /bin/prometheus --config.file=/tmp/prometheus.yml --storage.tsdb.path=/prometheus',
    ])
    .withExposedPorts(PORT)
    .withWaitStrategy(Wait.forHttp('/-/ready', PORT).withStartupTimeout(90_000))
    .start();
  onTestFinished(async () => {
    await container.stop();
  });
  return `http://${container.getHost()}:${container.getMappedPort(PORT)}`;
}

function openMetrics(pasts: readonly Past[], nowSeconds: number): string {
  const byName = Map.groupBy(pasts, ({ series }) => series.replace(/\{.*/, ''));
  const lines = [...byName].flatMap(([name, family]) => [
    `# TYPE ${name} gauge`,
    ...family.flatMap(({ series, values, endedSecondsAgo = 0 }) =>
      values.flatMap((value, index) => {
        const atSeconds = nowSeconds - endedSecondsAgo - INTERVAL_SECONDS * (values.length - 1 - index);
        // OpenMetrics has no space between labels.
        const id = series.replaceAll(', ', ',');
        return value === undefined ? [] : [`${id} ${value} ${atSeconds.toFixed(3)}`];
      }),
    ),
  ]);
  return `${lines.join('\n')}\n# EOF\n`;
}

export const constant = (value: number, seconds: number): number[] =>
  Array.from({ length: seconds / INTERVAL_SECONDS + 1 }, () => value);
