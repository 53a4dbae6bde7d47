import { expect, test } from 'vitest';
import { pageRequestOf, paginate } from './pagination.ts';

const rows = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    id: `id-${index}`,
    createdAt: new Date(1_000_000 - index),
  }));

test('the first page of many', () => {
  const { items, pagination } = paginate(rows(3), { page: 1, pageSize: 2, after: undefined }, 5);
  expect(items.map(({ id }) => id)).toEqual(['id-0', 'id-1']);
  expect(pagination).toEqual({
    page: 1,
    pageSize: 2,
    totalPages: 3,
    totalCount: 5,
    hasNextPage: true,
    hasPreviousPage: false,
    nextCursor: expect.any(String),
  });
});

test('the last page has no cursor', () => {
  const { pagination } = paginate(rows(1), { page: 3, pageSize: 2, after: undefined }, 5);
  expect(pagination).toMatchObject({ hasNextPage: false, hasPreviousPage: true, nextCursor: null });
});

test('nothing at all is no page', () => {
  expect(paginate([], { page: 1, pageSize: 20, after: undefined }, 0).pagination).toMatchObject({
    totalPages: 0,
    totalCount: 0,
    hasNextPage: false,
    hasPreviousPage: false,
  });
});

test('a cursor leads to the place after the last row, and knows its page', () => {
  const { pagination } = paginate(rows(3), { page: 1, pageSize: 2, after: undefined }, 5);
  const request = pageRequestOf({ cursor: pagination.nextCursor ?? '', pageSize: 2 });
  expect(request).toEqual({
    page: 2,
    pageSize: 2,
    after: { id: 'id-1', createdAt: new Date(999_999), page: 2 },
  });
});

const encoded = (content: unknown) => Buffer.from(JSON.stringify(content)).toString('base64url');
test.each([
  'x',
  '!!!',
  encoded({}),
  encoded([1]),
  encoded(['now', 'id', 2]),
  encoded([1e99, 'id', 2]),
  encoded([-1, 'id', 2]),
])('the cursor %s is refused', (cursor) => {
  expect(() => pageRequestOf({ cursor })).toThrow('cursor');
});

test('a cursor and a page number contradict each other', () => {
  const { pagination } = paginate(rows(2), { page: 1, pageSize: 1, after: undefined }, 2);
  expect(() => pageRequestOf({ cursor: pagination.nextCursor ?? '', page: 4 })).toThrow('page');
});
