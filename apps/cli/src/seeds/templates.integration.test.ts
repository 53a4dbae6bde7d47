import { expect, test } from 'vitest';
import { startTestSdk } from '../testing/sdk.ts';

test('db migrate compiles the templates that nobody has compiled, and names those that it cannot', async () => {
  const sdk = await startTestSdk();
  expect((await sdk.run(['db', 'migrate'])).exitCode).toBe(0);
  // As they are after the upgrade from a version that kept no HTML, and after an INSERT by hand.
  await sdk.query('update email.email_templates set html = null');
  await sdk.query(`insert into email.email_templates (id, name, subject, mjml, variables)
    values ('broken', 'broken', 'S', E'<mjml><mj-body>\n<mj-oops /></mj-body></mjml>', '{}')`);
  const { exitCode, stdout } = await sdk.run(['db', 'migrate']);
  expect(exitCode).toBe(0);
  const warnings = stdout.split('\n').filter((line) => line.includes('a template cannot be compiled'));
  expect(warnings.map((line) => JSON.parse(line))).toMatchObject([
    { template: 'broken', locale: 'en', version: 1, reason: expect.stringMatching(/^line 2: .*mj-oops/) },
  ]);
  const rows = await sdk.query('select name from email.email_templates where html is null');
  expect(rows).toEqual([{ name: 'broken' }]);
});
