import { MASK, maskSecrets } from '@sv-sdk/telemetry';

/** Fields whose value is a secret whatever it looks like; compared without case, `_` and `-`. */
const SECRET_NAME =
  /password|passphrase|passwd|secret|token|apikey|authorization|cookie|credential|privatekey|encryptionkey|otp$|^pin$|^hash$/;
/** Of a secret, and none itself: `apiKeyId`, `token_ids`. */
const REFERENCE_NAME = /ids?$/;
const EMAIL =
  /([\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-])[\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]*@([\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*)/gu;

/** An audit row says what happened; it is no place for documents. */
const MAX_TEXT_LENGTH = 1_000;
/** Looked at beyond what is kept, so that an address or key at the cut is seen whole. */
const MARGIN = 400;
const MAX_DEPTH = 8;

/**
 * Metadata as it may be kept: secrets cut out by their field's name or their form, email addresses reduced to
 * `a***@example.org`, which a person who knows the address recognises. The result is plain JSON.
 */
export function maskMetadata(metadata: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return maskObject(metadata, 1);
}

function maskObject(object: object, depth: number): Record<string, unknown> {
  const masked = Object.entries(object)
    .filter(([, value]) => value !== undefined && typeof value !== 'function' && typeof value !== 'symbol')
    .map(([name, value]) => [
      maskText(name),
      isSecretName(name) ? maskSecret(value) : maskValue(value, depth),
    ]);
  return Object.fromEntries(masked);
}

function maskValue(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return maskText(value);
    case 'bigint':
      return String(value);
    case 'object':
      break;
    case 'number':
    case 'boolean':
      return value;
    default:
      return null;
  }
  if (value === null) return null;
  if (value instanceof Date) return value.toISOString();
  // Also ends a structure that contains itself.
  if (depth >= MAX_DEPTH) return '[too deep]';
  if (Array.isArray(value)) return value.map((item) => maskValue(item, depth + 1));
  if (value instanceof Error) return { name: value.name, message: maskText(value.message) };
  return maskObject(value, depth + 1);
}

function isSecretName(name: string): boolean {
  const plain = name.toLowerCase().replaceAll(/[_-]/g, '');
  return SECRET_NAME.test(plain) && !REFERENCE_NAME.test(plain);
}

/** That there was none is no secret. */
function maskSecret(value: unknown): unknown {
  return value === null || typeof value === 'boolean' ? value : MASK;
}

function maskText(text: string): string {
  const masked = maskSecrets(text.slice(0, MAX_TEXT_LENGTH + MARGIN))
    .replaceAll(EMAIL, '$1***@$2')
    // Postgres' jsonb knows no NUL, and one in a client's text must not fail the caller's transaction.
    .replaceAll('\u0000', '\ufffd');
  return masked.length > MAX_TEXT_LENGTH ? `${masked.slice(0, MAX_TEXT_LENGTH)}…` : masked;
}
