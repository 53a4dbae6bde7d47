import { readFileSync } from 'node:fs';

/**
 * ioredis' options for the TLS of a URL that has an s, for one server and for each node of a cluster. Certificate and host
 * name are checked, by the CA in the file that the URL names as `sslrootcert` (as those of Postgres do), or the system's.
 */
export function redisTls(url: string): { ca?: string } {
  const caPath = new URL(url).searchParams.get('sslrootcert');
  return caPath === null ? {} : { ca: readFileSync(caPath, 'utf8') };
}
