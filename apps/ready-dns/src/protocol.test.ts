import { randomFillSync } from 'node:crypto';
import { type DecodedPacket, decode, encode, type RecordType } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import { createResponder, type Rcode, type Transport } from './protocol.ts';

const QUERY_ID = 4711;
const addressesOf = (count: number) => Array.from({ length: count }, (_, index) => `10.0.1.${index + 1}`);

function responder(addresses: readonly string[] | undefined) {
  const counted: Rcode[] = [];
  const respond = createResponder({
    service: 'app',
    answer: () => addresses,
    onQuery: (rcode) => counted.push(rcode),
  });
  return { respond, counted };
}

function ask(
  addresses: readonly string[] | undefined,
  options: { name?: string; type?: RecordType; transport?: Transport; ednsBytes?: number } = {},
): DecodedPacket & { rcode: string } {
  const { name = 'app', type = 'A', transport = 'udp', ednsBytes } = options;
  const query = encode({
    type: 'query',
    id: QUERY_ID,
    questions: [{ name, type, class: 'IN' }],
    additionals: ednsBytes === undefined ? [] : [opt(ednsBytes)],
  });
  const response = responder(addresses).respond(query, transport);
  if (response === undefined) throw new Error('no response');
  return decode(response) as DecodedPacket & { rcode: string };
}

function opt(udpPayloadSize: number) {
  return {
    type: 'OPT' as const,
    name: '.',
    udpPayloadSize,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
}

const dataOf = (packet: DecodedPacket) =>
  (packet.answers ?? []).map((record) => ('data' in record ? record.data : undefined));

describe('the answer to nginx', () => {
  test('holds the ready addresses, with a TTL of 0, under the id that asked', () => {
    const response = ask(['10.0.0.1', '10.0.0.2']);
    expect(response).toMatchObject({ id: QUERY_ID, rcode: 'NOERROR', flag_aa: true, flag_tc: false });
    expect(dataOf(response)).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(response.answers?.map((record) => 'ttl' in record && record.ttl)).toEqual([0, 0]);
  });

  test('is SERVFAIL, never NXDOMAIN, when nothing is known', () => {
    expect(ask(undefined)).toMatchObject({ rcode: 'SERVFAIL', answers: [] });
  });

  test('matches the name in any case', () => {
    expect(dataOf(ask(['10.0.0.1'], { name: 'ApP' }))).toEqual(['10.0.0.1']);
  });

  test.each<RecordType>(['AAAA', 'TXT', 'SRV'])('is NOERROR without records for %s', (type) => {
    expect(ask(['10.0.0.1'], { type })).toMatchObject({ rcode: 'NOERROR', answers: [] });
  });

  test.each(['other', 'app.example.org', 'www.app', '.'])('is REFUSED for the name %s', (name) => {
    expect(ask(['10.0.0.1'], { name })).toMatchObject({ rcode: 'REFUSED', answers: [] });
  });
});

describe('size', () => {
  test('60 addresses are truncated to none by plain UDP, so that nobody takes a part for the whole', () => {
    expect(ask(addressesOf(60))).toMatchObject({ rcode: 'NOERROR', flag_tc: true, answers: [] });
  });

  test('60 addresses fit by UDP for a client that says 1232 bytes by EDNS, and by TCP', () => {
    const byEdns = ask(addressesOf(60), { ednsBytes: 1232 });
    expect(byEdns.flag_tc).toBe(false);
    expect(dataOf(byEdns)).toHaveLength(60);
    expect(byEdns.additionals).toHaveLength(1);
    expect(dataOf(ask(addressesOf(60), { transport: 'tcp' }))).toHaveLength(60);
  });

  test('never sends a datagram above 1232 bytes, whatever the client allows', () => {
    expect(ask(addressesOf(200), { ednsBytes: 65_535 }).flag_tc).toBe(true);
  });

  test('an EDNS size below 512 means 512', () => {
    expect(ask(addressesOf(20), { ednsBytes: 100 }).flag_tc).toBe(false);
  });
});

describe('bad packets', () => {
  const query = encode({ type: 'query', id: QUERY_ID, questions: [{ name: 'app', type: 'A', class: 'IN' }] });
  const patched = (offset: number, ...bytes: number[]) => {
    const copy = Buffer.from(query);
    copy.set(bytes, offset);
    return copy;
  };

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['less than a header', query.subarray(0, 11)],
    ['a response', patched(2, 0x80)],
  ])('%s gets no answer', (_name, bytes) => {
    expect(responder(['10.0.0.1']).respond(bytes, 'udp')).toBeUndefined();
  });

  test.each([
    ['no question', query.subarray(0, 12)],
    ['a question that breaks off', query.subarray(0, query.length - 3)],
    ['a count of questions that lies', patched(4, 0xff, 0xff)],
    ['a name that points to itself', patched(12, 0xc0, 0x0c)],
    ['a label longer than the packet', patched(12, 0x3f)],
  ])('%s gets FORMERR under its id', (_name, bytes) => {
    const { respond, counted } = responder(['10.0.0.1']);
    const response = respond(bytes, 'udp');
    expect(response?.readUInt16BE(0)).toBe(QUERY_ID);
    expect((response?.readUInt16BE(2) ?? 0) & 0x800f).toBe(0x8001);
    expect(counted).toEqual(['FORMERR']);
  });

  test('another opcode gets NOTIMP', () => {
    const response = responder(['10.0.0.1']).respond(patched(2, 0x28), 'udp');
    expect((response?.readUInt16BE(2) ?? 0) & 0xf).toBe(4);
  });

  test('20,000 packets of random bytes and of broken queries throw nothing', () => {
    const { respond } = responder(['10.0.0.1']);
    for (let round = 0; round < 10_000; round++) {
      const noise = randomFillSync(Buffer.alloc(round % 200));
      respond(noise, 'udp');
      const broken = Buffer.from(query);
      const flips = randomFillSync(Buffer.alloc(4));
      for (const flip of flips) broken[flip % broken.length] = flips.readUInt8(0) ^ flip;
      respond(broken, 'tcp');
    }
  });
});
