import {
  AUTHORITATIVE_ANSWER,
  type DecodedPacket,
  decode,
  encode,
  type OptAnswer,
  type Question,
  RECURSION_DESIRED,
  type StringAnswer,
  TRUNCATED_RESPONSE,
} from 'dns-packet';

export type Transport = 'udp' | 'tcp';
export type Rcode = 'NOERROR' | 'FORMERR' | 'SERVFAIL' | 'NOTIMP' | 'REFUSED';

/** The bytes to send back, if any, for the bytes of one query. Never throws. */
export type Respond = (query: Buffer, transport: Transport) => Buffer | undefined;

const RCODES: Readonly<Record<Rcode, number>> = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NOTIMP: 4,
  REFUSED: 5,
};
const HEADER_BYTES = 12;
const RESPONSE_BIT = 0x8000;
const OPCODE_MASK = 0x7800;
/** RFC 1035: what a client without EDNS can take by UDP. */
const MIN_UDP_BYTES = 512;
/** DNS flag day 2020: the size that no ordinary path breaks into fragments. */
const MAX_UDP_BYTES = 1232;
/**
 * nginx asks again after the TTL plus one second, and at TTL 1 that makes 2 s (measured; its resolver's
 * `valid` has the same least value). 0 makes it ask every second.
 */
const TTL_SECONDS = 0;

/**
 * The name server for one name. `answer` gives the addresses; undefined becomes SERVFAIL and never NXDOMAIN
 * or an empty answer, both of which would make nginx drop the peers that it has.
 */
export function createResponder(options: {
  service: string;
  answer: () => readonly string[] | undefined;
  ttlSeconds?: number;
  onQuery?: (rcode: Rcode) => void;
}): Respond {
  const service = options.service.toLowerCase();
  const ttl = options.ttlSeconds ?? TTL_SECONDS;
  const onQuery = options.onQuery ?? (() => {});

  function decide(question: Question): { rcode: Rcode; answers: StringAnswer[] } {
    const isOurs = question.class === 'IN' && question.name.toLowerCase() === service;
    if (!isOurs) return { rcode: 'REFUSED', answers: [] };
    // The name exists, with A records only.
    if (question.type !== 'A') return { rcode: 'NOERROR', answers: [] };
    const addresses = options.answer();
    if (addresses === undefined) return { rcode: 'SERVFAIL', answers: [] };
    const answers = addresses.map(
      (data): StringAnswer => ({ type: 'A', name: question.name, class: 'IN', ttl, data }),
    );
    return { rcode: 'NOERROR', answers };
  }

  return (bytes, transport) => {
    // Not even an id to answer to, or a response: answering one would let two servers talk for ever.
    if (bytes.length < HEADER_BYTES || (bytes.readUInt16BE(2) & RESPONSE_BIT) !== 0) return undefined;
    if ((bytes.readUInt16BE(2) & OPCODE_MASK) !== 0) {
      onQuery('NOTIMP');
      return headerOnly(bytes, 'NOTIMP');
    }
    try {
      const query = decode(bytes);
      const question = query.questions?.length === 1 ? query.questions[0] : undefined;
      if (question === undefined) throw new RangeError('a query has exactly one question');
      const { rcode, answers } = decide(question);
      const response = encodeWithin(query, question, rcode, answers, transport);
      onQuery(rcode);
      return response;
    } catch {
      // Whatever can't be read is the client's fault and is counted; there is nothing to log per packet.
      onQuery('FORMERR');
      return headerOnly(bytes, 'FORMERR');
    }
  };
}

/** Encodes a response; one too long for UDP goes without addresses and says "ask by TCP", not half a list. */
function encodeWithin(
  query: DecodedPacket,
  question: Question,
  rcode: Rcode,
  answers: StringAnswer[],
  transport: Transport,
): Buffer {
  const clientOpt = query.additionals?.find((record) => record.type === 'OPT');
  const packet = (records: StringAnswer[], extraFlags: number) =>
    encode({
      type: 'response',
      id: query.id,
      flags: AUTHORITATIVE_ANSWER | (query.flag_rd ? RECURSION_DESIRED : 0) | extraFlags | RCODES[rcode],
      questions: [question],
      answers: records,
      additionals: clientOpt === undefined ? [] : [serverOpt],
    });
  const full = packet(answers, 0);
  const clientBytes = Math.max(MIN_UDP_BYTES, clientOpt?.udpPayloadSize ?? MIN_UDP_BYTES);
  if (transport === 'tcp' || full.length <= Math.min(clientBytes, MAX_UDP_BYTES)) return full;
  return packet([], TRUNCATED_RESPONSE);
}

/** RFC 6891: who is asked with EDNS answers with it. */
const serverOpt: OptAnswer = {
  type: 'OPT',
  name: '.',
  udpPayloadSize: MAX_UDP_BYTES,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};

/** A response without sections: the client's id, opcode and RD, and the code. */
function headerOnly(query: Buffer, rcode: Rcode): Buffer {
  const response = Buffer.alloc(HEADER_BYTES);
  query.copy(response, 0, 0, 2);
  const kept = query.readUInt16BE(2) & (OPCODE_MASK | RECURSION_DESIRED);
  response.writeUInt16BE(RESPONSE_BIT | kept | RCODES[rcode], 2);
  return response;
}
