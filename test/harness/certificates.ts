/** For tests: an authority of their own, and what it issues. */
import { KeyObject, type webcrypto, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
// @peculiar/x509 needs it, and leaves it to us.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

export interface Issued {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
  readonly pem: string;
  readonly keyPem: string;
}

export interface IssueOptions {
  readonly name: string;
  /** Undefined: it issues itself. */
  readonly issuer?: Issued;
  readonly isAuthority?: boolean;
  /** Host names and addresses in the subject alternative name; absent: `name`. */
  readonly names?: readonly string[];
  /** Where its issuer's certificate can be had (AIA). */
  readonly issuerUrl?: string;
  /** Of its end, in milliseconds from now; it begins an hour before the earlier of now and that. */
  readonly endsInMs?: number;
  /** RSA takes hundreds of milliseconds to make; only what SNS signs with has to be it. */
  readonly isRsa?: boolean;
}

const HOUR_MS = 3_600_000;
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash: 'SHA-256',
} as const;

export async function issue(options: IssueOptions): Promise<Issued> {
  const { name, issuer, isAuthority = false, names = [name], endsInMs = HOUR_MS } = options;
  const pair = await crypto.subtle.generateKey(options.isRsa ? RSA : EC, true, ['sign', 'verify']);
  const issuerKey = issuer === undefined ? pair.privateKey : toCryptoKey(issuer.key);
  const issuerPublicKey =
    issuer === undefined ? pair.publicKey : await new x509.X509Certificate(issuer.pem).publicKey.export();
  const made = await x509.X509CertificateGenerator.create({
    serialNumber: crypto.randomUUID().replaceAll('-', ''),
    subject: `CN=${name}`,
    issuer: issuer === undefined ? `CN=${name}` : issuer.certificate.subject,
    notBefore: new Date(Math.min(Date.now(), Date.now() + endsInMs) - HOUR_MS),
    notAfter: new Date(Date.now() + endsInMs),
    publicKey: pair.publicKey,
    signingKey: issuerKey,
    signingAlgorithm: EC,
    extensions: [
      new x509.BasicConstraintsExtension(isAuthority, undefined, true),
      // Python, and so certbot, refuses a chain without them (VERIFY_X509_STRICT).
      await x509.SubjectKeyIdentifierExtension.create(pair.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuerPublicKey),
      ...(isAuthority
        ? [new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true)]
        : [
            new x509.SubjectAlternativeNameExtension(
              names.map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value })),
            ),
          ]),
      ...(options.issuerUrl === undefined
        ? []
        : [new x509.AuthorityInfoAccessExtension({ caIssuers: [options.issuerUrl] })]),
    ],
  });
  const key = KeyObject.from(pair.privateKey);
  const pem = made.toString('pem');
  return {
    certificate: new X509Certificate(pem),
    key,
    pem,
    keyPem: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

function toCryptoKey(key: KeyObject): webcrypto.CryptoKey {
  return key.toCryptoKey(EC, false, ['sign']);
}
