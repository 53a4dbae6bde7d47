import { expect, test } from 'vitest';
import { readRequest } from './request-line.ts';

const read = (line: string) => readRequest(`<190>Nov 26 20:00:00 nginx: ${line}`);

test('a request that one instance has answered', () => {
  expect(read('200|10.0.0.1:3000|200|0.012')).toEqual({
    status: 200,
    attempts: [{ upstream: '10.0.0.1:3000', status: 200, seconds: 0.012 }],
  });
});

test('a request that was asked again elsewhere, and then anew', () => {
  expect(
    read('200|10.0.0.1:3000, 10.0.0.2:3000 : 10.0.0.3:3000|502, 503 : 200|0.001, 0.100 : 0.012'),
  ).toEqual({
    status: 200,
    attempts: [
      { upstream: '10.0.0.1:3000', status: 502, seconds: 0.001 },
      { upstream: '10.0.0.2:3000', status: 503, seconds: 0.1 },
      { upstream: '10.0.0.3:3000', status: 200, seconds: 0.012 },
    ],
  });
});

test('what nginx answers by itself asked nobody', () => {
  expect(read('404|-|-|-')).toEqual({ status: 404, attempts: [] });
});

test('where no instance may be asked, none is named', () => {
  expect(read('503|app|502|0.000')?.attempts).toEqual([{ upstream: 'none', status: 502, seconds: 0 }]);
});

test('whose caller went away has no status and no time', () => {
  expect(read('499|10.0.0.1:3000|-|-')?.attempts).toEqual([
    { upstream: '10.0.0.1:3000', status: undefined, seconds: undefined },
  ]);
});

test.each(['', 'hello', '200|10.0.0.1:3000', 'x|-|-|-', '200|-|-|-|more'])('%j is none of ours', (line) => {
  expect(read(line)).toBeUndefined();
  expect(readRequest(line)).toBeUndefined();
});
