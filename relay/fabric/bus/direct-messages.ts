import type { NatsConnection } from '@nats-io/transport-node';

/** Takes the message of a subscription: the last token of its subject, and its payload, which lies in the bytes that came. */
export type DirectHandler = (token: string, data: Uint8Array) => void;

/** The parser of nats.js, of which this is all that is touched. */
type Parser = { state: number; parse(bytes: Uint8Array): void };
type WithParser = { protocol?: { parser?: Parser } };

/** The state of the parser between two operations. */
const OP_START = 0;
const SPACE = ' ';
const NEWLINE = 0x0a;
const CRLF_BYTES = 2;

/**
 * Hands messages of some subscriptions over before the parser of nats.js sees them: it looks at each byte of a subject
 * several times, and a token of an answer is all subject. Returns whether that can be done with the library as it is;
 * where it cannot, all goes the library's way.
 *
 * Invariants: (1) bytes are taken only where an operation begins, and only whole messages without headers; everything
 * else, in its order, is the library's; (2) a connection that is made anew has a parser of its own, which is led around too.
 */
export function takeDirectly(connection: NatsConnection, handlers: ReadonlyMap<number, DirectHandler>): boolean {
  const { protocol } = connection as unknown as WithParser;
  if (protocol === undefined || !isParser(protocol.parser)) return false;
  let parser = ledAround(protocol.parser, handlers);
  Object.defineProperty(protocol, 'parser', {
    configurable: true,
    enumerable: true,
    get: () => parser,
    set: (next: Parser) => {
      parser = ledAround(next, handlers);
    },
  });
  return true;
}

function isParser(value: Parser | undefined): value is Parser {
  return typeof value?.parse === 'function' && value.state === OP_START;
}

function ledAround(inner: Parser, handlers: ReadonlyMap<number, DirectHandler>): Parser {
  const parse = inner.parse.bind(inner);
  inner.parse = (bytes) => {
    const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (at < buffer.length && inner.state === OP_START) {
      const end = takeMessage(buffer, at, handlers);
      if (end < 0) break;
      at = end;
    }
    if (at < buffer.length) parse(at === 0 ? bytes : buffer.subarray(at));
  };
  return inner;
}

/** Where the message that begins here ends, once it has been handed over; -1 for anything that is not to be taken. */
function takeMessage(buffer: Buffer, at: number, handlers: ReadonlyMap<number, DirectHandler>): number {
  // `MSG subject sid size` and the payload. One with a place to answer has a word more, and one with headers is an HMSG.
  if (buffer[at] !== 0x4d || buffer[at + 3] !== 0x20) return -1;
  const lineEnd = buffer.indexOf(NEWLINE, at);
  if (lineEnd < 0) return -1;
  const line = buffer.toString('latin1', at + 4, lineEnd - 1);
  const subjectEnd = line.indexOf(SPACE);
  const sidEnd = line.indexOf(SPACE, subjectEnd + 1);
  const handler = handlers.get(Number(line.slice(subjectEnd + 1, sidEnd)));
  const size = Number(line.slice(sidEnd + 1));
  const from = lineEnd + 1;
  const to = from + size;
  if (handler === undefined || !Number.isSafeInteger(size) || to + CRLF_BYTES > buffer.length) return -1;
  handler(line.slice(line.lastIndexOf('.', subjectEnd) + 1, subjectEnd), buffer.subarray(from, to));
  return to + CRLF_BYTES;
}
