import { setTimeout as sleep } from 'node:timers/promises';
import { type EmailProvider, ProviderError, type ProviderFailure } from './provider.ts';

/**
 * What happens to addresses of these domains, which nobody can own (RFC 2606). `hang.test` never answers. Every other
 * address is accepted. docs/operations/email-providers.md has the table.
 */
const FAILURES: Readonly<Record<string, ProviderFailure>> = {
  'rejected.test': 'rejected',
  'refused.test': 'refused',
  'unavailable.test': 'unavailable',
  'uncertain.test': 'uncertain',
};
const THROTTLED_SECONDS = 1;
/** Beyond every deadline: only the signal ends it. */
const NEVER_MS = 2 ** 31 - 1;

/** Sends nothing. For load tests and for trying out what failures look like. */
export function createMockProvider(): EmailProvider {
  return {
    name: 'mock',

    async send(email, signal) {
      const domain = email.to.split('@').at(-1)?.toLowerCase() ?? '';
      const failure = FAILURES[domain];
      if (failure !== undefined) throw new ProviderError(failure, `the address asks for ${failure}`);
      if (domain === 'throttled.test') {
        throw new ProviderError('unavailable', 'the address asks for a throttle', {
          retryAfterSeconds: THROTTLED_SECONDS,
        });
      }
      if (domain === 'hang.test') await hang(signal);
      return { messageId: `<${email.id}@mock.test>` };
    },

    close: async () => undefined,
  };
}

async function hang(signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(NEVER_MS, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw new ProviderError('uncertain', 'its answer was lost: it never came', { cause: error });
  }
}
