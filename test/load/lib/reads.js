// The mix of reads that the open-model scenarios send: 60 % lists, 30 % single users, 10 % permission checks. No session
// reads, as an API key has no session.
import http from 'k6/http';
import { asCaller, baseUrl, firstAnswer } from './caller.js';

const PAGES = 10;

/** The users there are, and how many pages of 20 they fill: for `setup`, so that a stopped stack is one message. */
export function whatThereIs() {
  const { data, pagination } = firstAnswer('/api/v1/users?pageSize=100');
  return { userIds: data.map(({ id }) => id), pages: Math.min(PAGES, Math.ceil(pagination.totalCount / 20)) };
}

/** One of the reads, by chance. `tags` are beside the name of its kind. */
export function read({ userIds, pages }, tags = {}) {
  const share = Math.random();
  if (share < 0.6) {
    return http.get(
      `${baseUrl}/api/v1/users?page=${1 + randomBelow(pages)}`,
      asCaller('list users', {}, tags),
    );
  }
  if (share < 0.9) {
    return http.get(
      `${baseUrl}/api/v1/users/${userIds[randomBelow(userIds.length)]}`,
      asCaller('get user', {}, tags),
    );
  }
  return http.post(
    `${baseUrl}/api/v1/permissions/check`,
    JSON.stringify({ permission: 'read:any:user' }),
    asCaller('check permission', { 'content-type': 'application/json' }, tags),
  );
}

function randomBelow(count) {
  return Math.floor(Math.random() * count);
}
