// Who calls, and where to: what the k6 scenarios share. k6 runs plain JavaScript with modules of its own, not Node.
import http from 'k6/http';

export const baseUrl = __ENV.BASE_URL || 'http://localhost:3000';

// The load tests' own key: it may read users and nothing else. From the file, as an argument shows up in `ps`.
const keyFile = __ENV.SECRETS_DIR
  ? `${__ENV.SECRETS_DIR}/load_api_key`
  : import.meta.resolve('../../../secrets/load_api_key');
const apiKey = open(keyFile).trim();

/** The parameters of a request by the load tests' caller; `name` groups its figures in the summary. */
export function asCaller(name, headers = {}, tags = {}) {
  return { headers: { 'X-API-Key': apiKey, ...headers }, tags: { name, ...tags } };
}

/** One request before the load, so that a wrong key or a stopped stack is one message, not 30,000 failed checks. */
export function firstAnswer(path) {
  const res = http.get(`${baseUrl}${path}`, asCaller('before the load'));
  if (res.status === 200) return res.json();
  throw new Error(
    `GET ${baseUrl}${path} answers ${res.status || res.error}, not 200: ${res.body || 'no body'}`,
  );
}
