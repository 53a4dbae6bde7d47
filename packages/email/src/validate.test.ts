import { describe, expect, it } from 'vitest';
import { type TemplateDraft, validateTemplate } from './validate.ts';

/** From line 2 on it is what a test writes. */
const inColumn = (mjml: string) =>
  `<mjml><mj-body><mj-section><mj-column>\n${mjml}\n</mj-column></mj-section></mj-body></mjml>`;
const inText = (html: string) => inColumn(`<mj-text>${html}</mj-text>`);
const draft = (overrides: Partial<TemplateDraft> = {}): TemplateDraft => ({
  subject: 'Hello',
  mjml: inText('Hi'),
  variables: [],
  kind: 'transactional',
  ...overrides,
});
/** `field: message` of every fault. */
async function faultsOf(overrides: Partial<TemplateDraft>): Promise<string[]> {
  const validation = await validateTemplate(draft(overrides));
  return validation.isValid ? [] : validation.faults.map(({ field, message }) => `${field}: ${message}`);
}

describe('a template is accepted', () => {
  it('with its HTML, placeholders as they are', async () => {
    const mjml = inText('{{#if name}}Dear <b title="{{name}}">{{name}}</b>{{else}}Hi{{/if}}');
    const validation = await validateTemplate(draft({ mjml, variables: ['name'] }));
    if (!validation.isValid) throw new Error(JSON.stringify(validation.faults));
    expect(validation.html).toContain('{{#if name}}Dear <b title="{{name}}">{{name}}</b>{{else}}Hi{{/if}}');
  });

  it.each([
    ['a variable of the subject alone', { subject: 'Hi {{name}}', variables: ['name'] }],
    [
      'a condition around an element, in mj-raw',
      {
        mjml: inColumn('<mj-raw>{{#unless a}}</mj-raw><mj-text>x</mj-text><mj-raw>{{/unless}}</mj-raw>'),
        variables: ['a'],
      },
    ],
    [
      'what stands in a comment of MJML',
      { mjml: inColumn('<!-- {{{x}}} <mj-oops> -->\n<mj-text>x</mj-text>') },
    ],
    ['elements that close themselves', { mjml: inColumn('<mj-divider />\n<mj-image src="x.png" alt="" />') }],
    ['HTML that closes by itself', { mjml: inText('<p>one<p>two<br><ul><li>a<li>b</ul>') }],
    ['names of objects as text', { mjml: inText('constructor, __proto__ and this') }],
  ])('with %s', async (_, overrides) => {
    expect(await faultsOf(overrides)).toEqual([]);
  });
});

const ALLOWED = 'allowed are {{name}}, {{#if name}} and {{#unless name}}, with {{else}}';

describe('a template is refused, with field and line,', () => {
  it.each([
    ['for no MJML', 'Dear {{name}}', 'mjml: must begin with <mjml>'],
    ['for another root', '<mj-body></mj-body>', 'mjml: line 1: must begin with <mjml>'],
    ['without a body', '<mjml></mjml>', expect.stringContaining('mjml: MJML makes nothing of it')],
    ['for an unknown element', inColumn('<mj-oops />'), expect.stringMatching(/^mjml: line 2: .*mj-oops/)],
    [
      'for an unknown attribute',
      inColumn('\n<mj-text colour="red">x</mj-text>'),
      expect.stringMatching(/^mjml: line 3: .*colour/),
    ],
    ['for an element that is not closed', inColumn('<mj-text>x'), 'mjml: line 2: <mj-text> is not closed'],
    [
      'for mj-include',
      inColumn('<mj-include path="/etc/passwd" type="html" />'),
      'mjml: line 2: mj-include is not allowed',
    ],
    [
      'for mj-include in capitals',
      inColumn('<MJ-INCLUDE path="/etc/passwd" />'),
      'mjml: line 2: mj-include is not allowed',
    ],
    [
      'for a condition that MJML would drop',
      inColumn('{{#if a}}<mj-text>{{a}}</mj-text>{{/if}}'),
      'mjml: line 2: MJML drops {{#if a}}: between elements it has to stand in an <mj-raw>',
    ],
    [
      'for a block that is not closed',
      inText('\n{{#if a}}x'),
      expect.stringMatching(/^mjml: Parse error on line 4:/),
    ],
    [
      'for a block that begins inside a link and ends outside',
      inText('<a title="{{#if a}}" href="x">y</a>{{/if}}'),
      expect.stringContaining('Parse error'),
    ],
    ['for a script', inText('<script>alert(1)</script>'), 'mjml: <script> is not allowed'],
    [
      'for an attribute that is a script',
      inText('<p onclick="x()">y</p>'),
      'mjml: the attribute onclick is not allowed: it would be a script',
    ],
    [
      'for an address that is a script',
      inText('<a href="javascript:x()">y</a>'),
      'mjml: an address must not be a script',
    ],
    [
      'for a variable in a style',
      inText('<p style="color:{{a}}">y</p>'),
      'mjml: a variable in a style cannot be escaped',
    ],
    [
      'for a variable in a style sheet',
      inText('<style>p { color: {{a}} }</style>'),
      'mjml: a variable in a style cannot be escaped',
    ],
    [
      'for a variable outside of quotes',
      inText('<p title={{a}}>y</p>'),
      'mjml: the attribute title holds a variable, so it must stand in quotes',
    ],
    [
      'for a variable as an attribute',
      inText('<p {{a}}>y</p>'),
      'mjml: a variable inside a tag must stand in a quoted attribute',
    ],
  ])('%s', async (_, mjml, fault) => {
    expect(await faultsOf({ mjml, variables: ['a'] })).toContainEqual(fault);
  });

  it.each([
    '{{{a}}}',
    '{{&a}}',
    '{{~{a}~}}',
    '{{#if a}}{{{a}}}{{/if}}',
    '{{#unless a}}x{{else}}{{&a}}{{/unless}}',
  ])('for %s, which would not be escaped', async (raw) => {
    const message = 'raw output ({{{…}}} or {{&…}}) is not allowed';
    expect(await faultsOf({ mjml: inText(raw), variables: ['a'] })).toEqual([`mjml: line 2: ${message}`]);
    expect(await faultsOf({ subject: raw, variables: ['a'] })).toContain(`subject: ${message}`);
  });

  it('for raw output that is written in entities, which the plain text would decode', async () => {
    const hidden = '&#123;&#123;&#123;a}}}';
    expect(await faultsOf({ mjml: inText(`{{a}}${hidden}`), variables: ['a'] })).toEqual([
      expect.stringContaining('not allowed'),
    ]);
  });

  it.each([
    '{{this}}',
    '{{.}}',
    '{{../a}}',
    '{{@root.a}}',
    '{{a.b}}',
    '{{a.[0]}}',
    '{{"a"}}',
    '{{5}}',
    '{{log a}}',
    '{{lookup a "constructor"}}',
    '{{a b=1}}',
    '{{#a}}x{{/a}}',
    '{{^a}}x{{/a}}',
    '{{#each a}}x{{/each}}',
    '{{#with a}}x{{/with}}',
    '{{#if (lookup a "b")}}x{{/if}}',
    '{{#if a includeZero=true}}x{{/if}}',
    '{{> a}}',
    '{{#> a}}x{{/a}}',
    '{{* a}}',
    '{{#*inline "a"}}x{{/inline}}',
    '{{{{a}}}}x{{{{/a}}}}',
  ])('for %s, of which there is no need', async (expression) => {
    expect(await faultsOf({ mjml: inText(expression), variables: ['a'] })).toContain(
      `mjml: line 2: ${ALLOWED}`,
    );
  });

  it.each([
    ['that is used and not declared', inText('{{b}}'), [], '{{b}} is used and not declared'],
    ['that is declared and not used', inText('x'), ['a'], '"a" is declared and not used'],
    ['that is declared twice', inText('{{a}}'), ['a', 'a'], 'must be different names'],
    ['that no name can be', inText('x'), ['a-b'], '"a-b" cannot be the name of a variable'],
    ['that Handlebars knows', inText('x'), ['this'], '"this" cannot be the name of a variable'],
    ['that every object has', inText('x'), ['toString'], '"toString" cannot be the name of a variable'],
  ])('for a variable %s', async (_what, mjml, variables, message) => {
    expect(await faultsOf({ mjml, variables })).toContain(`variables: ${message}`);
  });

  it('but not, in a preview, for a value that is not used', async () => {
    expect(await faultsOf({ variables: ['a'], mayLeaveOut: true })).toEqual([]);
  });

  it('when marketing does not show the link to unsubscribe, or asks the caller for it', async () => {
    expect(await faultsOf({ kind: 'marketing' })).toEqual([
      'mjml: a marketing template must show {{unsubscribeUrl}}',
    ]);
    const mjml = inText('<a href="{{unsubscribeUrl}}">Unsubscribe</a>');
    expect(await faultsOf({ kind: 'marketing', mjml })).toEqual([]);
    expect(await faultsOf({ kind: 'marketing', mjml, variables: ['unsubscribeUrl'] })).toEqual([
      'variables: "unsubscribeUrl" is put in by the platform',
    ]);
  });

  it.each(['Hello\r\nBcc: everyone@example.org', 'a\u2028b', 'a\0b', 'a\u0085b', ' ', 'x'.repeat(301)])(
    'for the subject %j',
    async (subject) => {
      expect(await faultsOf({ subject })).toEqual([expect.stringMatching(/^subject: must /)]);
    },
  );

  it.each([
    ['MJML that is too long', inText('x'.repeat(200_000)), 'mjml: must have at most 200000 characters'],
    [
      'HTML that is too long',
      inColumn('<mj-text>x</mj-text>'.repeat(5_000)),
      expect.stringMatching(/^mjml: becomes \d+ characters of HTML/),
    ],
    ['too many placeholders', inText('{{a}}'.repeat(501)), 'mjml: has more than 500 placeholders'],
    [
      'blocks that stand too deep',
      inText(`${'{{#if a}}'.repeat(11)}${'{{/if}}'.repeat(11)}`),
      'mjml: line 2: more than 10 blocks stand inside each other',
    ],
  ])('for %s', async (_, mjml, fault) => {
    expect(await faultsOf({ mjml, variables: ['a'] })).toContainEqual(fault);
  });

  it('and entities of a document type are not expanded', async () => {
    const entities = Array.from(
      { length: 20 },
      (_, index) => `<!ENTITY e${index + 1} "&e${index};&e${index};">`,
    );
    const mjml = `<!DOCTYPE mjml [<!ENTITY e0 "lol">${entities.join('')}]>${inText('&e20;')}`;
    const validation = await validateTemplate(draft({ mjml }));
    expect(JSON.stringify(validation).length).toBeLessThan(10_000);
  });

  it('with 20 faults at the most', async () => {
    const mjml = inColumn(Array.from({ length: 50 }, (_, index) => `<mj-oops${index} />`).join('\n'));
    expect(await faultsOf({ mjml })).toHaveLength(20);
  });
});
