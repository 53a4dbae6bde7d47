import { describe, expect, it } from 'vitest';
import { type RenderableTemplate, renderEmail } from './render.ts';
import { seededTemplates } from './seeds/index.ts';

let made = 0;
const template = (overrides: Partial<RenderableTemplate> = {}): RenderableTemplate => ({
  id: `template-${++made}`,
  name: 'greeting',
  version: 1,
  subject: 'Hello {{name}}',
  mjml: '<mjml><mj-body><mj-section><mj-column><mj-text>Dear {{name}}</mj-text></mj-column></mj-section></mj-body></mjml>',
  variables: ['name'],
  ...overrides,
});
const attack = `<script>alert('x')</script>&"`;

describe('rendering', () => {
  it('escapes HTML in a variable, and leaves it as it is in subject and text', async () => {
    const email = await renderEmail(template(), { name: attack });
    expect(email.html).toContain('&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;&quot;');
    expect(email.html).not.toContain('<script');
    expect(email.subject).toBe(`Hello ${attack}`);
    expect(email.text).toBe(`Dear ${attack}`);
  });

  it('escapes in attributes too', async () => {
    const linked = template({
      mjml: '<mjml><mj-body><mj-section><mj-column><mj-button href="{{name}}">Go</mj-button></mj-column></mj-section></mj-body></mjml>',
    });
    const { html } = await renderEmail(linked, { name: '" onclick="steal()' });
    expect(html).not.toContain('onclick="');
    expect(html).toContain('href="&quot; onclick&#x3D;&quot;steal()"');
  });

  it.each(['{{{name}}}', '{{&name}}', '{{#if name}}{{{name}}}{{/if}}'])(
    'refuses %s, which would not be escaped',
    async (raw) => {
      const mjml = template().mjml.replace('{{name}}', raw);
      await expect(renderEmail(template({ mjml }), { name: attack })).rejects.toThrow('not allowed');
    },
  );

  it('makes one line of the subject, whatever breaks lines', async () => {
    const name = 'Ada\r\nBcc: everyone@example.org\n\n\u2028\u2029\u0085\u0000x';
    const { subject } = await renderEmail(template(), { name });
    expect(subject).toBe('Hello Ada Bcc: everyone@example.org x');
  });

  it.each([{}, { name: null }, { name: undefined }])(
    'refuses %j: a declared variable is missing',
    async (variables) => {
      await expect(renderEmail(template(), variables)).rejects.toThrow(
        'the template "greeting" needs "name"',
      );
    },
  );

  it('does not take a variable from the prototype', async () => {
    const inherited = template({ variables: ['constructor'], subject: '{{constructor.name}}' });
    await expect(renderEmail(inherited, {})).rejects.toThrow('needs "constructor"');
    const { subject } = await renderEmail(template({ subject: '[{{toString}}{{__proto__}}]' }), {
      name: 'x',
    });
    expect(subject).toBe('[]');
  });

  it.each([
    ['no MJML', 'Dear {{name}}'],
    ['an unknown element', '<mjml><mj-body><mj-oops /></mj-body></mjml>'],
    ['an unclosed placeholder', template().mjml.replace('{{name}}', '{{#if name}}')],
    ['an unknown helper', template().mjml.replace('{{name}}', '{{log name}}')],
  ])('says so when the template has %s', async (_, mjml) => {
    await expect(renderEmail(template({ mjml }), { name: 'Ada' })).rejects.toMatchObject({
      name: 'TemplateError',
    });
  });

  it('reads no file for mj-include', async () => {
    const including = template({
      mjml: template().mjml.replace(
        '<mj-section>',
        '<mj-include path="/etc/passwd" type="html" /><mj-section>',
      ),
    });
    const outcome = await renderEmail(including, { name: 'Ada' }).then(
      ({ html }) => html,
      (error: unknown) => String(error),
    );
    expect(outcome).not.toContain('root:');
  });

  it('compiles a version once, and a new version anew', async () => {
    const first = template();
    await renderEmail(first, { name: 'Ada' });
    const edited = { ...first, subject: 'Bye {{name}}' };
    expect((await renderEmail(edited, { name: 'Ada' })).subject).toBe('Hello Ada');
    expect((await renderEmail({ ...edited, version: 2 }, { name: 'Ada' })).subject).toBe('Bye Ada');
  });

  it('compiles a failed template again once it is mended', async () => {
    const broken = template({ mjml: 'oops' });
    await expect(renderEmail(broken, { name: 'Ada' })).rejects.toThrow();
    const mended = { ...broken, mjml: template().mjml };
    expect((await renderEmail(mended, { name: 'Ada' })).text).toBe('Dear Ada');
  });
});

describe.each(seededTemplates)('the seeded template $name', (seed) => {
  const marks = Object.fromEntries(seed.variables.map((name) => [name, `<${name}>`]));

  it('shows every variable that it declares, escaped, in HTML and in text, and no other', async () => {
    const { subject, html, text } = await renderEmail(
      { id: seed.name, ...seed, variables: [...seed.variables] },
      marks,
    );
    for (const name of seed.variables) {
      expect(html).toContain(`&lt;${name}&gt;`);
      expect(text).toContain(`<${name}>`);
    }
    const used = [...`${seed.subject}${seed.mjml}`.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1] ?? '');
    expect([...new Set(used)].sort()).toEqual([...seed.variables].sort());
    expect(`${subject}${html}${text}`).not.toContain('{{');
  });

  it('asks no third party for anything', async () => {
    const { html } = await renderEmail({ id: seed.name, ...seed, variables: [...seed.variables] }, marks);
    expect(
      [...html.matchAll(/(?:src|href)="(https?:[^"]*)"|url\((?!\))|@import/g)].map(([match]) => match),
    ).toEqual([]);
  });
});
