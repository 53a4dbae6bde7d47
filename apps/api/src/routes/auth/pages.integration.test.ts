import { expect, test } from 'vitest';
import { startTestApi } from '../../testing/api.ts';

test.each([
  ['/verify-email', '/api/v1/auth/verify-email'],
  ['/reset-password', '/api/v1/auth/reset-password'],
])('%s is a page that asks before it uses the token, and runs no script but ours', async (path, endpoint) => {
  const api = await startTestApi();
  const response = await fetch(api.url + path);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  const policy = response.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'");
  expect(policy).not.toContain('unsafe');
  const html = await response.text();
  expect(html).toContain(`data-endpoint="${endpoint}"`);
  expect(html).not.toMatch(/<script>|<style|\son\w+=/);

  const [, source = ''] = /<script type="module" src="([^"]+)"/.exec(html) ?? [];
  const script = await fetch(api.url + source);
  expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  const text = await script.text();
  expect(() => new Function(text)).not.toThrow();
  // Nothing is sent before the click.
  expect(text.indexOf('fetch(')).toBeGreaterThan(text.indexOf("addEventListener('submit'"));
});
