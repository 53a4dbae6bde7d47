import { cacheKey } from '@sv-sdk/cache/keys';
import { emailTemplates, markStale, type Tx } from '@sv-sdk/db';
import { compileMjml } from '../compile.ts';
import { DEFAULT_LOCALE } from '../locale.ts';
import { action, layout, paragraph, prose } from './layout.ts';

/** A changed seed gets a new version: rows are never rewritten, as an operator may have edited them. */
export interface SeedTemplate {
  readonly name: string;
  readonly version: number;
  readonly subject: string;
  readonly mjml: string;
  /** Names that a caller must give. */
  readonly variables: readonly string[];
  readonly kind: 'transactional' | 'marketing';
  readonly holdsSecrets: boolean;
}

export const seededTemplates: readonly SeedTemplate[] = [
  {
    name: 'verification_email',
    version: 2,
    kind: 'transactional',
    holdsSecrets: true,
    subject: 'Confirm your email address',
    variables: ['userName', 'verificationUrl'],
    mjml: layout({
      heading: 'Confirm your email address',
      preview: 'One click, and your account is ready.',
      body: [
        paragraph('Hello {{userName}},'),
        paragraph(
          'thank you for signing up. Please confirm that this address is yours; the link works for 24 hours.',
        ),
        action('Confirm address', '{{verificationUrl}}'),
      ].join('\n'),
      footer: "You didn't sign up? Then ignore this message, and nothing happens.",
    }),
  },
  {
    name: 'password_reset',
    version: 2,
    kind: 'transactional',
    holdsSecrets: true,
    subject: 'Reset your password',
    variables: ['userName', 'resetUrl', 'expiresIn'],
    mjml: layout({
      heading: 'Reset your password',
      preview: 'Choose a new password for your account.',
      body: [
        paragraph('Hello {{userName}},'),
        paragraph(
          'someone asked for a new password for your account. The link works once, for {{expiresIn}}.',
        ),
        action('Choose a new password', '{{resetUrl}}'),
      ].join('\n'),
      footer: "It wasn't you? Then ignore this message: your password stays as it is.",
    }),
  },
  {
    name: 'invite',
    version: 2,
    kind: 'transactional',
    holdsSecrets: true,
    subject: '{{inviterName}} invites you to {{organizationName}}',
    variables: ['inviterName', 'organizationName', 'inviteUrl'],
    mjml: layout({
      heading: 'Join {{organizationName}}',
      preview: '{{inviterName}} has invited you.',
      body: [
        paragraph('Hello,'),
        paragraph('{{inviterName}} would like to have you in <strong>{{organizationName}}</strong>.'),
        action('Accept the invitation', '{{inviteUrl}}'),
      ].join('\n'),
      footer: "You don't know {{inviterName}}? Then ignore this message.",
    }),
  },
  {
    name: 'notification',
    version: 1,
    kind: 'transactional',
    holdsSecrets: false,
    subject: '{{title}}',
    variables: ['name', 'title', 'message'],
    mjml: layout({
      heading: '{{title}}',
      preview: '{{message}}',
      body: [paragraph('Hello {{name}},'), prose('{{message}}')].join('\n'),
      footer: 'You receive this because you have an account with us.',
    }),
  },
  {
    name: 'marketing',
    version: 2,
    kind: 'marketing',
    holdsSecrets: false,
    subject: '{{subject}}',
    variables: ['userName', 'subject', 'content'],
    mjml: layout({
      heading: '{{subject}}',
      preview: '{{content}}',
      body: [paragraph('Hello {{userName}},'), prose('{{content}}')].join('\n'),
      footer:
        'You receive this because you asked for news from us. <a href="{{unsubscribeUrl}}" style="color:inherit">Unsubscribe</a>',
    }),
  },
];

/** Those that the platform itself sends: to confirm an address, to reset a password, to say that something happened. */
export const PLATFORM_TEMPLATES: readonly SeedTemplate[] = seededTemplates.filter(({ name }) =>
  ['verification_email', 'password_reset', 'notification'].includes(name),
);

/** Seeds don't change while a process runs, and tests seed a database each. */
let compiledSeeds: Promise<string[]> | undefined;
const compileSeeds = () => {
  compiledSeeds ??= Promise.all(seededTemplates.map(({ mjml }) => compileMjml(mjml)));
  return compiledSeeds;
};

/** Writes the templates that are not there yet, and leaves all others as they are. Answers how many it wrote. */
export async function seedTemplates(tx: Tx): Promise<number> {
  const html = await compileSeeds();
  const inserted = await tx
    .insert(emailTemplates)
    .values(
      seededTemplates.map((seed, index) => ({
        ...seed,
        locale: DEFAULT_LOCALE,
        variables: [...seed.variables],
        html: html[index] ?? null,
      })),
    )
    .onConflictDoNothing()
    .returning({ name: emailTemplates.name, locale: emailTemplates.locale });
  await markStale(
    tx,
    inserted.map(({ name, locale }) => cacheKey.template(name, locale)),
  );
  return inserted.length;
}
