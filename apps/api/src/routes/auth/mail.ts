/** The mails of sign-up, verification and reset. */
import type { UserRow } from '@sv-sdk/auth';
import type { EmailInput } from '@sv-sdk/email';

type Recipient = Pick<UserRow, 'email' | 'name' | 'emailVerified'>;

/** Somebody waits for it at a screen. */
const PRIORITY = 1;

/**
 * Whoever signs up chooses the name, and with it what we would say to the owner of an address that isn't theirs:
 * until the address is proven, the mail greets the address.
 */
const greetingOf = (user: Recipient) => (user.emailVerified ? user.name : user.email);

/** The token stands behind the #: it is sent to no server, so it is in no log and no Referer. */
const linkTo = (baseUrl: string, page: 'verify-email' | 'reset-password', token: string) =>
  `${baseUrl.replace(/\/+$/, '')}/${page}#token=${token}`;

export const verificationMail = (user: Recipient, token: string, baseUrl: string): EmailInput => ({
  to: user.email,
  template: 'verification_email',
  variables: { userName: greetingOf(user), verificationUrl: linkTo(baseUrl, 'verify-email', token) },
  priority: PRIORITY,
});

export const passwordResetMail = (user: Recipient, token: string, baseUrl: string): EmailInput => ({
  to: user.email,
  template: 'password_reset',
  variables: {
    userName: greetingOf(user),
    resetUrl: linkTo(baseUrl, 'reset-password', token),
    expiresIn: 'one hour',
  },
  priority: PRIORITY,
});

export const addressTakenMail = (owner: Recipient): EmailInput => ({
  to: owner.email,
  template: 'notification',
  variables: {
    name: greetingOf(owner),
    title: 'You have an account already',
    message:
      'Somebody, perhaps you, wanted to sign up with this address. It has an account already: sign in, or ask for ' +
      "a new password. If it wasn't you, there is nothing to do; nothing was changed.",
  },
  priority: PRIORITY,
});

export const passwordChangedMail = (user: Recipient): EmailInput => ({
  to: user.email,
  template: 'notification',
  variables: {
    name: greetingOf(user),
    title: 'Your password was changed',
    message:
      "The password of your account was changed just now. If it wasn't you, ask for a new password at once: " +
      'that ends every session.',
  },
  priority: PRIORITY,
});
