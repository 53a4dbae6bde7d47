import { performance } from 'node:perf_hooks';
import { expect, onTestFinished, test } from 'vitest';
import { createTemplateCompiler } from './compiler.ts';
import type { TemplateDraft } from './validate.ts';

function start(options?: Parameters<typeof createTemplateCompiler>[0]) {
  const compiler = createTemplateCompiler(options);
  onTestFinished(() => compiler.close());
  return compiler;
}
const draft = (mjml: string): TemplateDraft => ({
  subject: 'Hi',
  mjml,
  variables: [],
  kind: 'transactional',
});
const inBody = (mjml: string) => `<mjml><mj-body>${mjml}</mj-body></mjml>`;
const GOOD = draft(inBody('<mj-section><mj-column><mj-text>Hi</mj-text></mj-column></mj-section>'));
/** As many elements as fit: 1.7 s, where an ordinary template takes 10 ms. */
const SLOW = draft(
  inBody(
    `<mj-section><mj-column><mj-social>${'<mj-social-element/>'.repeat(9_000)}</mj-social></mj-column></mj-section>`,
  ),
);
/** 68 MB of HTML, and several times as much on the way. */
const LARGE = draft(
  inBody(
    `<mj-section><mj-column><mj-carousel>${'<mj-carousel-image src="a"/>'.repeat(3_000)}</mj-carousel></mj-column></mj-section>`,
  ),
);

test('compiles, and says what is wrong', async () => {
  const compiler = start();
  expect(await compiler.validate(GOOD)).toMatchObject({ isValid: true, html: expect.stringContaining('Hi') });
  expect(await compiler.validate(draft(inBody('\n<mj-oops />')))).toMatchObject({
    isValid: false,
    faults: [{ field: 'mjml', message: expect.stringMatching(/^line 2: .*mj-oops/) }],
  });
});

test.each([
  ['takes too long', SLOW, 'takes more than 0.3 s to compile'],
  ['needs all memory', LARGE, 'takes too much memory to compile'],
])(
  'a template that %s is refused, holds nobody up, and the next one is compiled',
  async (_, bomb, message) => {
    const compiler = start({ timeoutSeconds: message.includes('memory') ? 60 : 0.3 });
    // As long as nothing else runs for longer, the event loop is free for requests.
    let longestMs = 0;
    let lastMs = performance.now();
    const heartbeat = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - lastMs);
      lastMs = performance.now();
    }, 10);
    onTestFinished(() => clearInterval(heartbeat));
    expect(await compiler.validate(bomb)).toEqual({ isValid: false, faults: [{ field: 'mjml', message }] });
    expect(longestMs).toBeLessThan(500);
    expect(await compiler.validate(GOOD)).toMatchObject({ isValid: true });
  },
);

test('the time of a template begins when it is its turn', async () => {
  const compiler = start({ timeoutSeconds: 0.3 });
  const answers = await Promise.all([SLOW, SLOW, GOOD].map((one) => compiler.validate(one)));
  expect(answers.map(({ isValid }) => isValid)).toEqual([false, false, true]);
});

test('more than wait already are refused at once', async () => {
  const compiler = start({ mostAtOnce: 2 });
  const taken = [compiler.validate(GOOD), compiler.validate(GOOD)];
  await expect(compiler.validate(GOOD)).rejects.toMatchObject({ name: 'CompilerBusyError' });
  expect((await Promise.all(taken)).map(({ isValid }) => isValid)).toEqual([true, true]);
  expect(await compiler.validate(GOOD)).toMatchObject({ isValid: true });
});
