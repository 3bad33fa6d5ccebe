import { Problem } from '../../problems/problem.ts';

/** Half an hour in packets of 5 ms; most have 20. What claims more would fill the memory with its bookkeeping. */
const MOST_PACKETS = 360_000;

/** Packets of sound as they are found in a file, in order; each is a view of its bytes. */
export type Packets = {
  readonly list: readonly Uint8Array[];
  /** Errors: `invalid_audio` for too many. */
  add(packet: Uint8Array): void;
};

export function createPackets(): Packets {
  const list: Uint8Array[] = [];
  return {
    list,
    add: (packet) => {
      // An empty one stands for nothing.
      if (packet.length === 0) return;
      if (list.length >= MOST_PACKETS) {
        throw new Problem('invalid_audio', 'The recording has too many packets of sound. Send it in parts.', {
          param: 'audio',
        });
      }
      list.push(packet);
    },
  };
}
