/** What one round of a discovery may take of its nodes. */
export type RoundRation = {
  /** Whether an answer is taken in; `nodeId` is whose it says it is, undefined where that is not seen at once. */
  admits(nodeId: string | undefined, sizeBytes: number): boolean;
  /** By node, `undefined` for those together of which it was not seen. */
  leftOut(): ReadonlyMap<string | undefined, LeftOut>;
};

export type LeftOut = { answers: number; bytes: number };

export type RationLimits = { readonly roundBytes: number; readonly nodeBytes: number };

const MIB = 1024 * 1024;

/**
 * With 10,000 nodes 26 KB for each, of which a document with a model takes one. No node needs more than a megabyte, in which it
 * could say its document several times.
 */
export const RATION_LIMITS: RationLimits = { roundBytes: 256 * MIB, nodeBytes: MIB };
/** What it costs to hold an answer, however short: whoever sends nothing ten thousand times is bounded too. */
const HELD_BYTES = 256;
/** Our own nodes begin with their name. */
const NAMELESS_SHARES = 16;

/**
 * Shares a round's bytes out among the nodes that are asked, so that none can take what others need.
 *
 * Invariants: (1) no node has more taken in than its share, nor all together more than `roundBytes`; (2) answers of which
 * it is not seen whose they are share what 16 nodes have; (3) as nobody knows who sent an answer, a node can use up the share of
 * another: that costs the other this round's news, and nothing else.
 */
export function createRoundRation(nodes: number, { roundBytes, nodeBytes }: RationLimits = RATION_LIMITS): RoundRation {
  const share = Math.min(nodeBytes, Math.floor(roundBytes / Math.max(1, nodes + NAMELESS_SHARES)));
  const taken = new Map<string | undefined, number>();
  const left = new Map<string | undefined, LeftOut>();
  let total = 0;

  return {
    admits: (nodeId, sizeBytes) => {
      const cost = sizeBytes + HELD_BYTES;
      const used = (taken.get(nodeId) ?? 0) + cost;
      const most = nodeId === undefined ? NAMELESS_SHARES * share : share;
      if (used <= most && total + cost <= roundBytes) {
        taken.set(nodeId, used);
        total += cost;
        return true;
      }
      const { answers, bytes } = left.get(nodeId) ?? { answers: 0, bytes: 0 };
      left.set(nodeId, { answers: answers + 1, bytes: bytes + sizeBytes });
      return false;
    },
    leftOut: () => left,
  };
}
