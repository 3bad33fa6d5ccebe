import type { Cluster } from '../../../shared/api/cluster.ts';

type Measured = Pick<Cluster['nodes'][number], 'id' | 'models' | 'tokens_per_s' | 'attempts'>;

/** How fast a node is beside others that serve the same, and whether it fails what it is given. */
export type NodePace = {
  /** The model on which it is furthest behind; null where none was measured that it serves now. */
  speed: {
    model: string;
    tokensPerS: number /** The middle of the others'; null where there are none. */;
    othersPerS: number | null /** Of the fastest one's, 0 to 1. */;
    share: number;
  } | null;
  isSlow: boolean;
  isFailing: boolean;
};

/** Less than this share of what is usual for the model is told as slow. Two machines of one kind are closer; two kinds are what it is about. */
const SLOW_SHARE = 0.5;
/** One in ten may fail, as when a machine was switched off. */
const FAILING_SHARE = 0.1;

/** By id. */
export function pacesOf(nodes: readonly Measured[]): Map<string, NodePace> {
  const speeds = new Map<string, { id: string; tokensPerS: number }[]>();
  for (const node of nodes) {
    for (const [model, tokensPerS] of servedSpeeds(node)) {
      const known = speeds.get(model);
      if (known === undefined) speeds.set(model, [{ id: node.id, tokensPerS }]);
      else known.push({ id: node.id, tokensPerS });
    }
  }
  for (const list of speeds.values()) list.sort((one, other) => one.tokensPerS - other.tokensPerS);
  return new Map(nodes.map((node) => [node.id, paceOf(node, speeds)]));
}

function paceOf(node: Measured, speeds: ReadonlyMap<string, readonly { id: string; tokensPerS: number }[]>): NodePace {
  let furthest: { ratio: number; speed: NonNullable<NodePace['speed']> } | undefined;
  for (const [model, tokensPerS] of servedSpeeds(node)) {
    const all = speeds.get(model) ?? [];
    const othersPerS = middleOf(all.filter(({ id }) => id !== node.id).map((other) => other.tokensPerS));
    const ratio = othersPerS === null || othersPerS === 0 ? 1 : tokensPerS / othersPerS;
    if (furthest !== undefined && furthest.ratio <= ratio) continue;
    const fastest = all.at(-1)?.tokensPerS ?? 0;
    furthest = { ratio, speed: { model, tokensPerS, othersPerS, share: fastest === 0 ? 0 : tokensPerS / fastest } };
  }
  const { succeeded, failed } = node.attempts;
  return {
    speed: furthest?.speed ?? null,
    isSlow: furthest !== undefined && furthest.ratio < SLOW_SHARE,
    // Nothing is given to one that serves nothing.
    isFailing: node.models.length > 0 && failed >= 1 && failed > (succeeded + failed) * FAILING_SHARE,
  };
}

/** What it was measured at and still serves: nothing of one that is away. */
function servedSpeeds({ models, tokens_per_s: speeds }: Measured): [model: string, tokensPerS: number][] {
  return Object.entries(speeds).filter(([model]) => models.includes(model));
}

/** Of sorted numbers; of an even count the lower one. */
function middleOf(sorted: readonly number[]): number | null {
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}
