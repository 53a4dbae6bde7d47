import type { Request } from 'express';
import { expect, test } from 'vitest';
import { checkOrigin } from './check-origin.ts';

const settings = {
  baseUrl: 'https://sv.example.org',
  corsOrigins: ['https://app.example.org'],
  version: 'test',
};

function requestWith(method: string, headers: Record<string, string>): Request {
  return { method, get: (name: string) => headers[name.toLowerCase()] } as unknown as Request;
}

test.each([
  // A change by cookie must say that it comes from us.
  ['POST', 'cookie', undefined, false],
  ['POST', 'cookie', 'https://evil.example', false],
  ['PATCH', 'cookie', 'https://evil.example', false],
  ['DELETE', 'cookie', 'https://evil.example', false],
  ['POST', 'cookie', 'null', false],
  ['POST', 'cookie', 'https://sv.example.org.evil.example', false],
  ['POST', 'cookie', 'https://app.example.org', true],
  ['POST', 'cookie', 'https://sv.example.org', true],
  ['POST', 'cookie', 'http://127.0.0.1:3000', true], // the host that was asked
  ['GET', 'cookie', 'https://evil.example', true],
  // A foreign page can't make these.
  ['POST', 'bearer', 'https://evil.example', true],
  ['POST', 'api_key', undefined, true],
  // Login and sign-up: programs send no origin, browsers must send ours.
  ['POST', undefined, undefined, true],
  ['POST', undefined, 'https://evil.example', false],
  ['POST', undefined, 'https://app.example.org', true],
] as const)('%s by %s from %s: %s', (method, source, origin, isAllowed) => {
  const request = requestWith(method, { host: '127.0.0.1:3000', ...(origin !== undefined && { origin }) });
  const check = () => checkOrigin(request, source, settings);
  if (isAllowed) expect(check).not.toThrow();
  else expect(check).toThrow('allowed origin');
});
