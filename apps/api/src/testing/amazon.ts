/** For tests: Amazon SNS as far as a receiver asks it, by real TLS on this machine, under its real name. */
import { once } from 'node:events';
import http, { type RequestListener, type Server } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { type Issued, type IssueOptions, issue } from '../../../../test/harness/certificates.ts';
import type { Agents } from '../routes/webhooks/sns/download.ts';

export const TOPIC_ARN = 'arn:aws:sns:eu-west-1:123456789012:ses-events';
export const SNS_HOST = 'sns.eu-west-1.amazonaws.com';
const PATH = '/SimpleNotificationService-0123456789abcdef.pem';
export const CERTIFICATE_URL = `https://${SNS_HOST}${PATH}`;

/** Undefined: never. */
type Answer =
  | { readonly status: number; readonly body: string | Buffer; readonly location?: string }
  | undefined;

export interface Amazon {
  readonly agents: Agents;
  /** PEM. */
  readonly roots: readonly string[];
  /** Issued the one between, which issued what SNS signs with. */
  readonly root: Issued;
  readonly between: Issued;
  readonly signer: Issued;
  /** Like the signer, but for these. */
  issueSigner(options: Partial<IssueOptions>): Promise<Issued>;
  /** What is answered at the certificate's address, from now on. */
  serve(answer: Answer): void;
  /** What is answered where a certificate says that its issuer is. */
  serveIssuer(answer: Answer): void;
  /** Path and query of each request, in order. */
  readonly requests: string[];
}

interface Authorities {
  readonly root: Issued;
  readonly between: Issued;
  readonly signer: Issued;
  readonly server: Issued;
}

/** Keys take a second to make, and are the same for all tests of a file; the servers are not. */
let authorities: Promise<Authorities> | undefined;

async function makeAuthorities(): Promise<Authorities> {
  const root = await issue({ name: 'Test Root', isAuthority: true });
  const between = await issue({ name: 'Test Between', isAuthority: true, issuer: root });
  return {
    root,
    between,
    signer: await issue({ name: 'sns.amazonaws.com', issuer: between, isRsa: true, issuerUrl: ISSUER_URL }),
    server: await issue({ name: SNS_HOST, issuer: root }),
  };
}
/** The agent leads there, whatever the port. */
const ISSUER_URL = 'http://crt.test.example/between.cer';

/** Started for one test, and closed at its end. `server`: who it shows itself as; absent: SNS in eu-west-1. */
export async function startAmazon(
  options: { server?: (root: Issued) => Promise<Issued> } = {},
): Promise<Amazon> {
  authorities ??= makeAuthorities();
  const { root, between, signer, ...made } = await authorities;
  const server = options.server === undefined ? made.server : await options.server(root);
  const requests: string[] = [];
  let certificate: Answer = { status: 200, body: signer.pem };
  let issuer: Answer = { status: 200, body: between.certificate.raw };

  const respond =
    (answer: Answer): RequestListener =>
    (_request, response) => {
      if (answer === undefined) return;
      const { status, body, location } = answer;
      response.writeHead(status, location === undefined ? {} : { location }).end(body);
    };
  const secure = https.createServer({ cert: server.pem, key: server.keyPem }, (request, response) => {
    requests.push(request.url ?? '');
    const isCertificate = request.url === PATH;
    respond(isCertificate ? certificate : { status: 200, body: '<ok/>' })(request, response);
  });
  // A client that does not believe the server hangs up: no fault of the server's.
  secure.on('tlsClientError', () => undefined);
  const plain = http.createServer((request, response) => {
    requests.push(request.url ?? '');
    respond(issuer)(request, response);
  });
  const [securePort, plainPort] = [await listen(secure), await listen(plain)];

  const agents = {
    https: new LocalHttpsAgent(securePort, root.pem),
    http: new LocalHttpAgent(plainPort),
    timeoutMs: 2_000,
  };
  onTestFinished(async () => {
    agents.https.destroy();
    agents.http.destroy();
    for (const one of [secure, plain]) {
      one.closeAllConnections();
      one.close();
      await once(one, 'close');
    }
  });
  return {
    agents,
    roots: [root.pem],
    root,
    between,
    signer,
    issueSigner: (changes) =>
      issue({ name: 'sns.amazonaws.com', issuer: between, isRsa: true, issuerUrl: ISSUER_URL, ...changes }),
    serve: (answer) => {
      certificate = answer;
    },
    serveIssuer: (answer) => {
      issuer = answer;
    },
    requests,
  };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Leads every connection here; the name that is asked for, and checked, stays. */
class LocalHttpsAgent extends https.Agent {
  readonly #port: number;
  constructor(port: number, ca: string) {
    super({ ca });
    this.#port = port;
  }
  override createConnection(...[options, callback]: Parameters<https.Agent['createConnection']>) {
    return super.createConnection({ ...options, host: '127.0.0.1', port: this.#port }, callback);
  }
}

class LocalHttpAgent extends http.Agent {
  readonly #port: number;
  constructor(port: number) {
    super();
    this.#port = port;
  }
  override createConnection(...[options, callback]: Parameters<http.Agent['createConnection']>) {
    return super.createConnection({ ...options, host: '127.0.0.1', port: this.#port }, callback);
  }
}
