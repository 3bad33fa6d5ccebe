import { LIMITS } from '../../../shared/protocol/limits.ts';
import { createTokenBucket } from '../../pairing/token-bucket.ts';

/** Looks at what comes of a client, and says what is wrong with it; the rest of a client that was wrong is not looked at. */
export type FrameGuard = { wrongWith(chunk: Uint8Array): string | undefined };

const RESERVED_BITS = 0x70;
const OPCODE_BITS = 0x0f;
const PING = 9;
const MASKED = 0x80;
const LENGTH_BITS = 0x7f;
const MASK_BYTES = 4;
/** Libraries ping every twenty seconds or so, if at all. */
const PINGS = { capacity: 20, refillMs: 1_000 };
/** As the bridge has it. */
const MOST_BYTES = 2 * LIMITS.maxMessageBytes;

/**
 * Reads the heads of a client's WebSocket frames on their way to nats-server (RFC 6455, section 5.2), and none of what is in them.
 *
 * The server answers each ping and holds the answers for whoever does not read them, without a limit and before anybody
 * has said who they are: five strangers made it hold 4 GB within ten seconds. Compressed frames and lengths beyond
 * all numbers have brought older servers down.
 */
export function createFrameGuard(now: () => number = () => performance.now()): FrameGuard {
  const pings = createTokenBucket(PINGS);
  const head = Buffer.alloc(14);
  let held = 0;
  let passing = 0;
  const headBytes = (): number => (held < 2 ? 2 : 2 + extendedBytes(head[1] ?? 0) + MASK_BYTES);
  const wrongHead = (): string | undefined => {
    const [first = 0, second = 0] = head;
    if ((first & RESERVED_BITS) !== 0) return 'its frames are compressed, which nobody agreed to';
    if ((second & MASKED) === 0) return 'its frames are not masked';
    if (passing > MOST_BYTES) return 'its frame is longer than any message';
    if ((first & OPCODE_BITS) !== PING) return undefined;
    if (pings.waitMs(now()) > 0) return 'it sends more pings than anybody needs';
    pings.take(now());
    return undefined;
  };
  return {
    wrongWith: (chunk) => {
      for (let at = 0; at < chunk.length; ) {
        if (passing > 0) {
          const step = Math.min(passing, chunk.length - at);
          passing -= step;
          at += step;
          continue;
        }
        head[held] = chunk[at] ?? 0;
        held += 1;
        at += 1;
        if (held < headBytes()) continue;
        passing = lengthIn(head);
        held = 0;
        const wrong = wrongHead();
        if (wrong !== undefined) return wrong;
      }
      return undefined;
    },
  };
}

function extendedBytes(second: number): number {
  const length = second & LENGTH_BITS;
  return length === 127 ? 8 : length === 126 ? 2 : 0;
}

function lengthIn(head: Buffer): number {
  const length = (head[1] ?? 0) & LENGTH_BITS;
  if (length === 127) return Number(head.readBigUInt64BE(2));
  return length === 126 ? head.readUInt16BE(2) : length;
}
