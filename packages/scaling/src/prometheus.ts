/** Prometheus' HTTP API, as far as scaling asks it. */
import { z } from 'zod';
import type { Sample } from './window.ts';

/** A query of an hour's samples takes milliseconds; one that takes seconds is as good as none. */
const ANSWER_LIMIT_MS = 5_000;

export interface Prometheus {
  /**
   * The samples of one series as they were stored, with their own times: no interpolation over a gap, which a range
   * query would fill with up to 5 minutes of the last value. Empty where the series is not there.
   */
  samples(series: string, seconds: number): Promise<readonly Sample[]>;
  /** An expression's value now; undefined where it has none. Several series are an error of the expression. */
  value(expression: string): Promise<number | undefined>;
  /** All series of an expression with their values now, as Prometheus orders them (topk: the greatest first). */
  series(expression: string): Promise<readonly Series[]>;
}

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const numberText = z.string().transform(Number);
const sample = z.tuple([z.number(), numberText]);
const answer = z.discriminatedUnion('resultType', [
  z.object({ resultType: z.literal('matrix'), result: z.array(z.object({ values: z.array(sample) })) }),
  z.object({
    resultType: z.literal('vector'),
    result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: sample })),
  }),
  z.object({ resultType: z.literal('scalar'), result: sample }),
]);
type Answer = z.output<typeof answer>;
const reply = z.union([
  z.object({ status: z.literal('success'), data: answer }),
  z.object({ status: z.literal('error'), errorType: z.string(), error: z.string() }),
]);

export function createPrometheus(url: string): Prometheus {
  async function ask(expression: string): Promise<Answer> {
    const target = new URL('api/v1/query', url.endsWith('/') ? url : `${url}/`);
    target.search = String(new URLSearchParams({ query: expression }));
    let body: unknown;
    try {
      const response = await fetch(target, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
      body = JSON.parse(await response.text());
    } catch (error) {
      throw new Error(`Prometheus (${target.origin}) gave no answer`, { cause: error });
    }
    const read = reply.safeParse(body);
    if (!read.success) throw new Error(`Prometheus (${target.origin}) answered something else than a result`);
    if (read.data.status === 'error')
      throw new Error(`Prometheus refused ${expression}: ${read.data.errorType}: ${read.data.error}`);
    return read.data.data;
  }

  return {
    async samples(series, seconds) {
      const { resultType, result } = await ask(`${series}[${seconds}s]`);
      if (resultType !== 'matrix') throw new Error(`${series} is not the name of a series`);
      if (result.length > 1) throw new Error(`${series} is ${result.length} series, where one is expected`);
      return (result[0]?.values ?? []).map(([atSeconds, value]) => ({ atSeconds, value }));
    },
    async value(expression) {
      const { resultType, result } = await ask(expression);
      if (resultType === 'scalar') return result[1];
      if (resultType !== 'vector') throw new Error(`${expression} has more than the value of now`);
      if (result.length > 1)
        throw new Error(`${expression} is ${result.length} series, where one is expected`);
      return result[0]?.value[1];
    },
    async series(expression) {
      const { resultType, result } = await ask(expression);
      if (resultType !== 'vector') throw new Error(`${expression} has more than the values of now`);
      return result.map(({ metric, value }) => ({ labels: metric, value: value[1] }));
    },
  };
}
