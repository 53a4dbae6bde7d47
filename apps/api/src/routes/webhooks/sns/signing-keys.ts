import { type KeyObject, X509Certificate } from 'node:crypto';
import { getCACertificates } from 'node:tls';
import { LRUCache } from 'lru-cache';
import { type Agents, DownloadError, download } from './download.ts';
import type { Topic } from './topic.ts';

/** The certificate is not one that SNS signs with. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
}

export interface SigningKeys {
  /**
   * The public key of the certificate that a message names. Throws {@link CertificateError} where that is none of
   * SNS, and a DownloadError where Amazon can't be asked.
   */
  keyAt(url: string, topic: Topic): Promise<KeyObject>;
}

/** One a region, and a new one some times a year. */
const MOST_CERTIFICATES = 32;
/** So that one that Amazon takes back is not believed for ever. */
const KEPT_MS = 24 * 3600 * 1000;
/** Amazon's has one certificate between it and the root. */
const MAX_CHAIN_LENGTH = 5;
const PATH = /^\/SimpleNotificationService-[A-Za-z0-9]{1,64}\.pem$/;
const PEM = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

interface Known {
  readonly key: KeyObject;
  readonly validUntilMs: number;
}

/**
 * Certificates come over TLS from the topic's own endpoint of SNS and from nowhere else. Beyond that each must be
 * issued to SNS, be valid now, and lead to a root that this process trusts. The file holds only the certificate itself
 * (robbiet480/go.sns#8), so those between are fetched from where it says (AIA).
 */
export function createSigningKeys(options: {
  agents: Agents;
  /** PEM; absent: those that TLS trusts. */
  roots?: readonly string[];
}): SigningKeys {
  const { agents } = options;
  const cache = new LRUCache<string, Promise<Known>>({ max: MOST_CERTIFICATES, ttl: KEPT_MS });
  let roots: X509Certificate[] | undefined;
  const trustedRoots = () => {
    roots ??= (options.roots ?? getCACertificates('default')).map((pem) => new X509Certificate(pem));
    return roots;
  };

  const fetchKey = async (url: URL, topic: Topic): Promise<Known> => {
    const [leaf, ...others] = certificatesIn(await download(url, agents));
    if (leaf === undefined) throw new CertificateError('there is no certificate');
    if (!topic.certificateNames.some((name) => leaf.checkHost(name) !== undefined)) {
      throw new CertificateError('it is issued to somebody else');
    }
    if (leaf.publicKey.asymmetricKeyType !== 'rsa') throw new CertificateError('its key is not RSA');
    await assertLeadsToRoot(leaf, others, trustedRoots(), (certificate) => fetchIssuer(certificate, agents));
    return { key: leaf.publicKey, validUntilMs: leaf.validToDate.getTime() };
  };

  return {
    async keyAt(url, topic) {
      const parsed = certificateUrlOf(url, topic);
      let known = cache.get(parsed.href);
      if (known === undefined) {
        known = fetchKey(parsed, topic);
        cache.set(parsed.href, known);
      }
      try {
        const { key, validUntilMs } = await known;
        if (validUntilMs <= Date.now()) throw new CertificateError('it is not valid any more');
        return key;
      } catch (error) {
        if (cache.peek(parsed.href) === known) cache.delete(parsed.href);
        throw error;
      }
    },
  };
}

/** Throws for any address but one of a certificate at the topic's endpoint. */
function certificateUrlOf(text: string, topic: Topic): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The whole of it: no port, no user, no query.
  if (url === undefined || !PATH.test(url.pathname) || url.href !== `https://${topic.host}${url.pathname}`) {
    throw new CertificateError(`it does not lie at ${topic.host}`);
  }
  return url;
}

function certificatesIn(file: Buffer): X509Certificate[] {
  try {
    return (file.toString('latin1').match(PEM) ?? []).map((pem) => new X509Certificate(pem));
  } catch (error) {
    throw new CertificateError('the file holds no certificate', { cause: error });
  }
}

async function assertLeadsToRoot(
  leaf: X509Certificate,
  others: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  fetchIssuerOf: (certificate: X509Certificate) => Promise<X509Certificate>,
): Promise<void> {
  let current = leaf;
  for (let length = 1; length <= MAX_CHAIN_LENGTH; length += 1) {
    if (!isValidNow(current)) throw new CertificateError('it, or one above it, is not valid now');
    const isIssuer = (candidate: X509Certificate) => isIssuedBy(current, candidate);
    if (roots.some((root) => isIssuer(root) && isValidNow(root))) return;
    const issuer: X509Certificate = others.find(isIssuer) ?? (await fetchIssuerOf(current));
    if (!isIssuer(issuer)) throw new CertificateError('its issuer did not sign it');
    current = issuer;
  }
  throw new CertificateError('it leads to no root');
}

/** Name and signature; and that the issuer may issue at all. */
function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function isValidNow({ validFromDate, validToDate }: X509Certificate): boolean {
  const nowMs = Date.now();
  return validFromDate.getTime() <= nowMs && nowMs < validToDate.getTime();
}

/** From the address that the certificate names; what comes is believed for its signature alone. */
async function fetchIssuer(certificate: X509Certificate, agents: Agents): Promise<X509Certificate> {
  const url = /^CA Issuers - URI:(\S+)$/m.exec(certificate.infoAccess ?? '')?.[1];
  if (url === undefined || !URL.canParse(url) || !/^https?:/.test(url)) {
    throw new CertificateError('it leads to no root, and does not say where its issuer is');
  }
  const file = await download(new URL(url), agents).catch((error: unknown) => {
    // Whatever is answered there says nothing of the message.
    throw new DownloadError('the issuer of the certificate could not be fetched', { cause: error });
  });
  try {
    return new X509Certificate(file);
  } catch (error) {
    throw new CertificateError('its issuer is no certificate', { cause: error });
  }
}
