import { randomBytes } from 'node:crypto';

export const OPCODES = { continuation: 0, binary: 2, ping: 9 } as const;

export type ClientFrame = {
  opcode: keyof typeof OPCODES;
  payload?: Uint8Array;
  /** Whether another frame of the same message follows. */
  isPart?: boolean;
  isCompressed?: boolean;
  /** What the head says, where that is not the truth. */
  claimedBytes?: bigint;
};

/** A WebSocket frame as clients send it, also such as none should. */
export function clientFrame(frame: ClientFrame): Buffer {
  const { opcode, payload = new Uint8Array(), isPart = false, isCompressed = false } = frame;
  const bytes = frame.claimedBytes ?? BigInt(payload.length);
  const mask = randomBytes(4);
  const masked = Buffer.from(payload).map((byte, at) => byte ^ (mask[at % 4] ?? 0));
  const first = (isPart ? 0 : 0x80) | (isCompressed ? 0x40 : 0) | OPCODES[opcode];
  return Buffer.concat([Buffer.of(first), lengthOf(bytes), mask, masked]);
}

function lengthOf(bytes: bigint): Buffer {
  if (bytes < 126n) return Buffer.of(0x80 | Number(bytes));
  const isShort = bytes < 65_536n;
  const head = Buffer.alloc(isShort ? 3 : 9);
  head[0] = 0x80 | (isShort ? 126 : 127);
  if (isShort) head.writeUInt16BE(Number(bytes), 1);
  else head.writeBigUInt64BE(bytes, 1);
  return head;
}
