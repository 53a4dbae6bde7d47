/** For tests: requests as bytes, where no client would send them. */
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

export interface RawAnswer {
  /** Status line and headers. */
  readonly head: string;
  readonly status: number;
  readonly body: string;
}

/** A request that asks for its connection to be ended after it. */
export function rawRequest(line: string, headers: readonly string[] = [], body = ''): string {
  return [line, 'Host: x', 'Connection: close', ...headers, '', body].join('\r\n');
}

/** The headers of a JSON body. */
export function jsonHeaders(body: string): string[] {
  return ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`];
}

export function manyHeaders(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `X-H${index}: 1`);
}

/** All answers until the server ends the connection; each has a Content-Length. One character is one byte. */
export async function exchange(port: number, bytes: string): Promise<RawAnswer[]> {
  const socket = connect(port, '127.0.0.1');
  socket.write(Buffer.from(bytes, 'latin1'));
  const answers: RawAnswer[] = [];
  for (let rest = await text(socket); rest !== ''; ) {
    const [head = ''] = rest.split('\r\n\r\n', 1);
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1]);
    const body = Buffer.from(rest).subarray(Buffer.byteLength(head) + 4);
    answers.push({ head, status: Number(head.split(' ')[1]), body: body.subarray(0, length).toString() });
    rest = body.subarray(length).toString();
  }
  return answers;
}
