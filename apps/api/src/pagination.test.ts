import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  COUNT_CAP,
  cursorParameters,
  newestFirst,
  type Order,
  offsetOf,
  pageRequestOf,
  paginate,
} from './pagination.ts';

const RECENT = newestFirst('a list');

const rows = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    id: `id-${index}`,
    createdAt: new Date(1_000_000 - index),
  }));
const firstPage = (pageSize: number) => pageRequestOf({ pageSize }, RECENT);
const cursorOf = (pageSize = 2) => paginate(rows(3), firstPage(pageSize), 5).pagination.nextCursor ?? '';

describe('pages', () => {
  test('the first page of many', () => {
    const { items, pagination } = paginate(rows(3), firstPage(2), 5);
    expect(items.map(({ id }) => id)).toEqual(['id-0', 'id-1']);
    expect(pagination).toEqual({
      page: 1,
      pageSize: 2,
      totalPages: 3,
      totalCount: 5,
      totalCountIsExact: true,
      hasNextPage: true,
      hasPreviousPage: false,
      nextCursor: expect.any(String),
    });
  });

  test('the last page has no cursor', () => {
    const { pagination } = paginate(rows(1), pageRequestOf({ page: 3, pageSize: 2 }, RECENT), 5);
    expect(pagination).toMatchObject({ hasNextPage: false, hasPreviousPage: true, nextCursor: null });
  });

  test('a full page with nothing after it is the last', () => {
    const { items, pagination } = paginate(rows(2), firstPage(2), 2);
    expect(items).toHaveLength(2);
    expect(pagination).toMatchObject({ hasNextPage: false, nextCursor: null, totalPages: 1 });
  });

  test('nothing at all is no page', () => {
    expect(paginate([], firstPage(20), 0).pagination).toMatchObject({
      totalPages: 0,
      totalCount: 0,
      hasNextPage: false,
      hasPreviousPage: false,
    });
  });

  test('of a capped count a page says as much as it knows itself', () => {
    const total = { count: COUNT_CAP, isExact: false };
    const { pagination } = paginate(rows(21), pageRequestOf({ page: 60 }, RECENT), total);
    expect(pagination).toMatchObject({ totalCount: 59 * 20 + 21, totalPages: 61, totalCountIsExact: false });
    expect(paginate(rows(21), pageRequestOf({ page: 2 }, RECENT), total).pagination.totalCount).toBe(
      COUNT_CAP,
    );
    expect(paginate([], pageRequestOf({ page: 900 }, RECENT), total).pagination.totalCount).toBe(COUNT_CAP);
  });

  test('rows before a page are skipped by number or by place, never by both', () => {
    expect(offsetOf(pageRequestOf({ page: 3, pageSize: 7 }, RECENT))).toBe(14);
    expect(offsetOf(pageRequestOf({ cursor: cursorOf(), pageSize: 7 }, RECENT))).toBe(0);
  });
});

describe('cursors', () => {
  test('lead to the place after the last row, and know their page', () => {
    expect(pageRequestOf({ cursor: cursorOf(), pageSize: 2 }, RECENT)).toMatchObject({
      page: 2,
      after: { id: 'id-1', createdAt: new Date(999_999) },
    });
  });

  test('may go on with another page size', () => {
    expect(pageRequestOf({ cursor: cursorOf(), pageSize: 9 }, RECENT)).toMatchObject({
      page: 2,
      pageSize: 9,
    });
  });

  test('of another list, or of the same list with other filters, are refused', () => {
    const lists = [
      newestFirst('users'),
      newestFirst('roles'),
      newestFirst('users', { role: 'admin' }),
      newestFirst('users', { role: 'user' }),
    ];
    for (const made of lists) {
      const request = pageRequestOf({ pageSize: 2 }, made);
      const cursor = paginate(rows(3), request, 5).pagination.nextCursor ?? '';
      for (const used of lists) {
        const use = () => pageRequestOf({ cursor }, used);
        if (used === made) expect(use).not.toThrow();
        else expect(use, `${made.name} → ${used.name}`).toThrow('cursor');
      }
    }
  });

  test('with any one character changed, added or taken away are refused', () => {
    const cursor = cursorOf();
    for (let index = 0; index < cursor.length; index += 1) {
      const other = cursor[index] === 'A' ? 'B' : 'A';
      for (const tampered of [
        cursor.slice(0, index) + other + cursor.slice(index + 1),
        cursor.slice(0, index) + cursor.slice(index + 1),
        `${cursor.slice(0, index)}!${cursor.slice(index)}`,
      ]) {
        expect(() => pageRequestOf({ cursor: tampered }, RECENT), tampered).toThrow('cursor');
      }
    }
  });

  const encoded = (content: unknown) => Buffer.from(JSON.stringify(content)).toString('base64url');
  test.each([
    'x',
    '!!!',
    encoded({}),
    encoded(null),
    encoded([1]),
    encoded(['', 2, ['now', 'id']]),
    encoded(['', 2, [1e99, 'id']]),
    encoded(['', 2, [-1, 'id']]),
    encoded(['', 1, [1, 'id']]),
    encoded([[1, 'id'], 2]),
  ])('that are made up are refused: %s', (cursor) => {
    expect(() => pageRequestOf({ cursor }, RECENT)).toThrow('cursor');
  });

  test('contradict a page number', () => {
    expect(() => pageRequestOf({ cursor: cursorOf(), page: 4 }, RECENT)).toThrow('page');
  });

  test('of the longest name there may be still fit', () => {
    const byName: Order<[string, string], { name: string; id: string }> = {
      name: 'x'.repeat(500),
      key: z.tuple([z.string(), z.string()]),
      keyOf: ({ name, id }) => [name, id],
    };
    const row = { name: '𝔸'.repeat(200), id: crypto.randomUUID() };
    const { pagination } = paginate([row, row], pageRequestOf({ pageSize: 1 }, byName), 2);
    const cursor = cursorParameters.cursor.parse(pagination.nextCursor);
    expect(pageRequestOf({ cursor }, byName).after).toEqual([row.name, row.id]);
  });
});
