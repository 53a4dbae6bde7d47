import { describe, expect, it } from 'vitest';
import { compileMjml } from './compile.ts';
import { prepareTemplate, type RenderableTemplate } from './render.ts';
import { seededTemplates } from './seeds/index.ts';
import { validateTemplate } from './validate.ts';
import { PLATFORM_VARIABLES } from './variables.ts';

const template = (overrides: Partial<RenderableTemplate> = {}): RenderableTemplate => ({
  name: 'greeting',
  kind: 'transactional',
  subject: 'Hello {{name}}',
  html: '<html><body><p>Dear {{name}}</p></body></html>',
  variables: ['name'],
  ...overrides,
});
const render = (overrides: Partial<RenderableTemplate>, variables: Record<string, unknown>) =>
  prepareTemplate(template(overrides))(variables);
const attack = `<script>alert('x')</script>&"`;

describe('rendering', () => {
  it('escapes HTML in a variable, and leaves it as it is in subject and text', () => {
    const email = render({}, { name: attack });
    expect(email.html).toContain('&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;&quot;');
    expect(email.html).not.toContain('<script');
    expect(email.subject).toBe(`Hello ${attack}`);
    expect(email.text).toBe(`Dear ${attack}`);
  });

  it('escapes in attributes too', () => {
    const { html } = render({ html: '<a href="{{name}}">Go</a>' }, { name: '" onclick="steal()' });
    expect(html).not.toContain('onclick="');
    expect(html).toContain('href="&quot; onclick&#x3D;&quot;steal()"');
  });

  it.each(['{{{name}}}', '{{&name}}', '{{#if name}}{{{name}}}{{/if}}'])(
    'refuses %s, which would not be escaped',
    (raw) => {
      expect(() => render({ html: raw }, { name: attack })).toThrow('not allowed');
      expect(() => render({ subject: raw }, { name: attack })).toThrow('not allowed');
    },
  );

  it('makes one line of the subject, whatever breaks lines', () => {
    const name = 'Ada\r\nBcc: everyone@example.org\n\n\u2028\u2029\u0085\u0000x';
    expect(render({}, { name }).subject).toBe('Hello Ada Bcc: everyone@example.org x');
  });

  it.each([{}, { name: null }, { name: undefined }])(
    'refuses %j: a declared variable is missing',
    (variables) => {
      expect(() => render({}, variables)).toThrow('the template "greeting" needs "name"');
    },
  );

  it('sends no marketing without the link to unsubscribe, which the platform puts in', () => {
    const marketing = { kind: 'marketing', html: '<a href="{{unsubscribeUrl}}">Bye</a>' } as const;
    expect(() => render(marketing, { name: 'Ada' })).toThrow('needs "unsubscribeUrl"');
    expect(render(marketing, { name: 'Ada', unsubscribeUrl: 'https://x.example/u' }).text).toBe(
      'Bye <https://x.example/u>',
    );
  });

  it('does not take a variable from the prototype', () => {
    expect(() => render({ variables: ['constructor'] }, {})).toThrow('needs "constructor"');
    expect(render({ subject: '[{{toString}}{{__proto__}}]' }, { name: 'x' }).subject).toBe('[]');
  });

  it.each([
    ['was never compiled', { html: null }],
    ['has an unclosed block', { html: '{{#if name}}' }],
    ['has an unknown helper', { html: '{{log name}}' }],
  ])('says so when the template %s', (_, overrides) => {
    expect(() => prepareTemplate(template(overrides))).toThrow(
      expect.objectContaining({ name: 'TemplateError' }),
    );
  });
});

describe.each(seededTemplates)('the seeded template $name', (seed) => {
  const names = [...seed.variables, ...PLATFORM_VARIABLES[seed.kind]];
  const marks = Object.fromEntries(names.map((name) => [name, `<${name}>`]));
  const renderSeed = async () =>
    prepareTemplate({ ...seed, variables: [...seed.variables], html: await compileMjml(seed.mjml) })(marks);

  it('keeps the rules that a new template must keep', async () => {
    expect(await validateTemplate(seed)).toMatchObject({ isValid: true });
  });

  it('shows every variable that it declares, escaped, in HTML and in text', async () => {
    const { subject, html, text } = await renderSeed();
    for (const name of names) {
      expect(html).toContain(`&lt;${name}&gt;`);
      expect(text).toContain(`<${name}>`);
    }
    expect(`${subject}${html}${text}`).not.toContain('{{');
  });

  it('has no blank at the end of a line, so that it can be sent as it stands', async () => {
    expect(await compileMjml(seed.mjml)).toMatch(/[\t ]$/m);
    expect((await renderSeed()).html).not.toMatch(/[\t ]$/m);
  });

  it('asks no third party for anything', async () => {
    const { html } = await renderSeed();
    expect(
      [...html.matchAll(/(?:src|href)="(https?:[^"]*)"|url\((?!\))|@import/g)].map(([match]) => match),
    ).toEqual([]);
  });
});
