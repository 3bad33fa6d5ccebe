import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Transform } from 'node:stream';

const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const FIN = 0x80;
const MASKED = 0x80;
const RESERVED_BITS = 0x70;
const MAX_CONTROL_BYTES = 125;

/** The answer that accepts a WebSocket (RFC 6455, 4.2.2), or undefined if the request is not one. */
export function acceptWebSocket(request: IncomingMessage): string | undefined {
  const { upgrade, 'sec-websocket-key': key, 'sec-websocket-version': version } = request.headers;
  if (upgrade?.toLowerCase() !== 'websocket' || key === undefined || version !== '13') return undefined;
  const accept = createHash('sha1').update(`${key}${ACCEPT_SUFFIX}`).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

/** Puts every chunk that passes into one binary frame. */
export function frameChunks(): Transform {
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => done(null, encodeFrame(OPCODES.binary, chunk)),
  });
}

/** Lets the payload of a client's frames through as one stream of bytes; `answer` gets frames to send back. */
export function unframe(answer: (frame: Buffer) => void): Transform {
  const reader = createFrameReader(answer);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        const goesOn = reader.read(chunk, (data) => this.push(data));
        if (!goesOn) this.push(null);
        done();
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    },
  });
}

type FrameHeader = { opcode: number; mask: Buffer; length: number };

/**
 * Reads frames from chunks cut anywhere. A data frame is passed on while it arrives, so that no more than a chunk is
 * held however long the frame is.
 */
function createFrameReader(answer: (frame: Buffer) => void) {
  let pending: Buffer = Buffer.alloc(0);
  let header: FrameHeader | undefined;
  let taken = 0;
  let control: Buffer[] = [];
  let open = true;

  const endFrame = (opcode: number): void => {
    const payload = Buffer.concat(control);
    control = [];
    header = undefined;
    taken = 0;
    if (opcode === OPCODES.ping) answer(encodeFrame(OPCODES.pong, payload));
    if (opcode !== OPCODES.close) return;
    answer(encodeFrame(OPCODES.close, payload.subarray(0, 2)));
    open = false;
  };

  const read = (chunk: Buffer, pass: (data: Buffer) => void): boolean => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (open) {
      if (header === undefined) {
        const parsed = parseHeader(pending);
        if (parsed === undefined) return true;
        header = parsed.header;
        pending = pending.subarray(parsed.bytes);
      }
      const payload = pending.subarray(0, header.length - taken);
      pending = pending.subarray(payload.length);
      unmask(payload, header.mask, taken);
      taken += payload.length;
      if (header.opcode >= OPCODES.close) control.push(payload);
      else if (payload.length > 0) pass(payload);
      if (taken < header.length) return true;
      endFrame(header.opcode);
    }
    return false;
  };
  return { read };
}

function parseHeader(data: Buffer): { header: FrameHeader; bytes: number } | undefined {
  const [first, second] = data;
  if (first === undefined || second === undefined) return undefined;
  const opcode = first & 0x0f;
  const short = second & 0x7f;
  if ((first & RESERVED_BITS) !== 0) throw new Error('a frame uses an extension that was not agreed on');
  if ((second & MASKED) === 0) throw new Error('a frame of a client is not masked');
  if (opcode >= OPCODES.close && (short > MAX_CONTROL_BYTES || (first & FIN) === 0)) {
    throw new Error('a control frame is too long or in parts');
  }
  const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
  const bytes = 2 + lengthBytes + 4;
  if (data.length < bytes) return undefined;
  const length = lengthBytes === 0 ? short : lengthBytes === 2 ? data.readUInt16BE(2) : Number(data.readBigUInt64BE(2));
  return { header: { opcode, length, mask: Buffer.from(data.subarray(bytes - 4, bytes)) }, bytes };
}

function unmask(payload: Buffer, mask: Buffer, offset: number): void {
  for (let i = 0; i < payload.length; i += 1) payload[i] = (payload[i] ?? 0) ^ (mask[(offset + i) & 3] ?? 0);
}

function encodeFrame(opcode: number, payload: Buffer): Buffer {
  return Buffer.concat([frameHeader(opcode, payload.length), payload]);
}

function frameHeader(opcode: number, length: number): Buffer {
  if (length < 126) return Buffer.from([FIN | opcode, length]);
  if (length < 65_536) {
    const header = Buffer.from([FIN | opcode, 126, 0, 0]);
    header.writeUInt16BE(length, 2);
    return header;
  }
  const header = Buffer.from([FIN | opcode, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeBigUInt64BE(BigInt(length), 2);
  return header;
}
