import type { WritingGraph } from './writing-graph.ts';
import type { RunPass } from './writing-group.ts';

/** Which rows share passes: all, those whose sources have as many tokens, or none. */
export type Sharing = 'padded' | 'equal' | 'none';

type Probe = { readonly source: readonly number[]; readonly tokens: readonly number[] };
type ReadProbe = Probe & { readonly alone: readonly Float32Array[] };

/** Of the distance between the highest and the lowest score: rounding is far below, another place or mask far above. */
const MOST_DIFFERENCE = 0.03;
/** Made-up texts of tokens that every tokenizer has, and what is written of them. */
const LONG: Probe = { source: [5, 3, 6, 4, 2, 5], tokens: [3, 5] };
const SHORT: Probe = { source: [4, 6, 2, 3], tokens: [6, 2] };
const AS_LONG: Probe = { source: [3, 3, 2, 6, 4, 4], tokens: [2, 4] };

/**
 * Which rows get the scores side by side that each gets alone. As with the rows of chats it is tried, since exports do not tell:
 * nine passes of a few tokens, thirteen where padding is not taken.
 */
export async function findSharing(graph: WritingGraph, run: RunPass): Promise<Sharing> {
  const write = async (probes: readonly Probe[]): Promise<Float32Array[][]> => {
    let rows = await run(() => graph.read(probes.map(({ source }) => source)));
    const scores: Float32Array[][] = probes.map(() => []);
    for (const step of LONG.tokens.keys()) {
      const before = rows;
      const written = await run(() =>
        graph.write(
          before,
          probes.map(({ tokens }) => tokens[step] ?? 0),
        ),
      );
      for (const [row, of] of scores.entries()) of.push(written.scores(row).slice());
      rows = written.rows;
    }
    graph.drop(rows);
    return scores;
  };
  const alone = async (probe: Probe): Promise<ReadProbe> => ({ ...probe, alone: (await write([probe]))[0] ?? [] });
  const areAlike = async (...probes: ReadProbe[]): Promise<boolean> => {
    const together = await write(probes);
    return probes.every(({ alone }, row) =>
      alone.every((scores, step) => isAlike(together[row]?.[step] ?? new Float32Array(0), scores)),
    );
  };
  const long = await alone(LONG);
  if (graph.takesMask && (await areAlike(long, await alone(SHORT)))) return 'padded';
  return (await areAlike(long, await alone(AS_LONG))) ? 'equal' : 'none';
}

/** Whether two passes gave the same scores, but for rounding. */
function isAlike(left: Float32Array, right: Float32Array): boolean {
  let difference = 0;
  let highest = Number.NEGATIVE_INFINITY;
  let lowest = Number.POSITIVE_INFINITY;
  for (let at = 0; at < right.length; at++) {
    const score = right[at] ?? 0;
    difference = Math.max(difference, Math.abs((left[at] ?? 0) - score));
    highest = Math.max(highest, score);
    lowest = Math.min(lowest, score);
  }
  return difference <= MOST_DIFFERENCE * (highest - lowest);
}
