/** The report's plots: what was told becomes lines, and lines become SVG. */
import { init } from 'echarts';
import { median } from 'simple-statistics';
import type { PlotName, Point, Told } from '../figures.ts';

export interface Line {
  readonly name: string;
  /** Sorted by x; y is the median of the rounds. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

interface Axes {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly isLogX?: boolean;
  readonly isLogY?: boolean;
}

export const AXES: Record<PlotName, Axes> = {
  latency: {
    title: 'Latency distribution',
    x: 'share of requests answered, %',
    y: 'within ms',
    isLogY: true,
  },
  throughput: { title: 'Latency p95 against load', x: 'requests due a second', y: 'p95, ms', isLogY: true },
  scaling: { title: 'Throughput against instances', x: 'app instances', y: 'requests a second' },
  'data-size': { title: 'Cost against data size', x: 'users', y: 'median, ms', isLogX: true },
};

export function linesOf(told: readonly Told[], plot: PlotName): Line[] {
  const points = told.filter((one): one is Point => one.kind === 'point' && one.plot === plot);
  return [...Map.groupBy(points, ({ line }) => line)].map(([name, ofLine]) => ({
    name,
    points: [...Map.groupBy(ofLine, ({ x }) => x)]
      .map(([x, rounds]) => [x, median(rounds.map(({ y }) => y))] as const)
      .toSorted(([one], [other]) => one - other),
  }));
}

export function drawSvg(plot: PlotName, lines: readonly Line[]): string {
  const { title, x, y, isLogX, isLogY } = AXES[plot];
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: 860, height: 460 });
  try {
    chart.setOption({
      animation: false,
      // Read on dark pages too.
      backgroundColor: '#ffffff',
      title: { text: title, left: 'center' },
      legend: { bottom: 0 },
      grid: { left: 70, right: 30, top: 50, bottom: 90 },
      xAxis: {
        type: isLogX ? 'log' : 'value',
        name: x,
        nameLocation: 'middle',
        nameGap: 28,
        min: isLogX ? 'dataMin' : undefined,
      },
      yAxis: { type: isLogY ? 'log' : 'value', name: y, nameLocation: 'middle', nameGap: 48 },
      series: lines.map(({ name, points }) => ({
        type: 'line',
        name,
        data: points.map((point) => [...point]),
        symbolSize: 6,
      })),
    });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}
