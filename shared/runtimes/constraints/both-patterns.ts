import { createDerivatives } from './derivatives.ts';
import { createJsonText } from './json-text.ts';
import { type Pattern, readPattern } from './pattern.ts';
import type { Effort } from './schema-keywords.ts';
import { BYTES_ALONE, createTerms, type Leaf, type Term, type Terms, tooComplex } from './terms.ts';

type BothOptions = { readonly param: string; readonly terms: Terms; readonly effort: Effort };

/** A state of the texts that match both: which bytes may follow, the state behind each, and the length of the shortest way to an end. */
type State = { readonly bytes: Uint8Array; readonly behind: Uint16Array; readonly isEnd: boolean; cost: number };

/** Usual pairs have some hundreds; what is ambiguous on purpose makes many terms of few. All take a tenth of a second at most. */
const MOST_STATES = 2_000;
const MOST_TERMS = 8_000;
const MOST_WORK = 8_000;
/** Schemas come again with every request. */
const MOST_KEPT = 16;
const kept = new Map<string, readonly State[]>();

/** What following them is like, of each state. */
const EFFORT_OF_STATE = 300;

/**
 * Texts inside a JSON string that match one pattern and the other; never where there are none. `effort` is spent where they were not
 * followed before. Errors: `invalid_value` for patterns that are too much together.
 */
export function bothPatterns(one: string, other: string, { param, terms, effort }: BothOptions): Term {
  const key = `${JSON.stringify(one)} ${JSON.stringify(other)}`;
  const states = kept.get(key) ?? follow(one, other);
  kept.delete(key);
  kept.set(key, states);
  const [oldest] = kept.keys();
  if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);

  function follow(...sources: readonly [string, string]): readonly State[] {
    const [left, right] = sources.map((source) => readPattern(source, param)) as [Pattern, Pattern];
    const followed = statesOf(left, right);
    effort.spend(EFFORT_OF_STATE * followed.length);
    return followed;
  }

  function leafAt(at: number): Leaf {
    const { bytes, behind, isEnd, cost } = states[at] as State;
    const next = (): [number, Term][] =>
      Array.from(behind, (to, index): [number, number] => [bytes[index] ?? 0, to])
        .filter(([, to]) => !isEndless(states[to]))
        .map(([byte, to]) => [byte, terms.leaf(leafAt(to))]);
    return { key: `both ${at} ${key}`, isWhole: true, nullable: isEnd, cost, next };
  }

  return isEndless(states[0]) ? terms.never : terms.leaf(leafAt(0));
}

function isEndless(state: State | undefined): boolean {
  return state?.cost === Number.POSITIVE_INFINITY;
}

/** Follows both byte by byte, in a grammar of their own. */
function statesOf(one: Pattern, other: Pattern): readonly State[] {
  const terms = createTerms(BYTES_ALONE);
  const json = createJsonText(terms);
  const begin = [one, other].map((pattern) => pattern.toTerm(terms, json.characterOf)) as [Term, Term];
  terms.solve();
  const derivatives = createDerivatives(terms);
  derivatives.allow(MOST_WORK);
  const pairs: [Term, Term][] = [];
  const places = new Map<string, number>();
  const placeOf = (pair: [Term, Term]): number => {
    const key = `${pair[0].id} ${pair[1].id}`;
    const known = places.get(key);
    if (known !== undefined) return known;
    if (pairs.length === MOST_STATES || terms.count() > MOST_TERMS) throw tooComplex();
    places.set(key, pairs.length);
    return pairs.push(pair) - 1;
  };
  placeOf(begin);
  const states: State[] = [];
  for (let at = 0; at < pairs.length; at++) {
    const [left, right] = pairs[at] as [Term, Term];
    const [after, others] = [derivatives.tableOf(left), derivatives.tableOf(right)];
    const bytes = [...after.keys()].filter((byte) => after[byte] !== 0 && others[byte] !== 0);
    const behind = bytes.map((byte) => placeOf([terms.byId(after[byte] ?? 0), terms.byId(others[byte] ?? 0)]));
    const isEnd = left.nullable && right.nullable;
    states.push({
      bytes: Uint8Array.from(bytes),
      behind: Uint16Array.from(behind),
      isEnd,
      cost: Number.POSITIVE_INFINITY,
    });
  }
  return withCosts(states);
}

/** From the ends back, a byte at each step. */
function withCosts(states: readonly State[]): readonly State[] {
  const before = states.map((): number[] => []);
  for (const [at, { behind }] of states.entries()) for (const to of behind) before[to]?.push(at);
  let near = states.flatMap(({ isEnd }, at) => (isEnd ? [at] : []));
  for (let cost = 0; near.length > 0; cost++) {
    const reached = near.filter((at) => isEndless(states[at]));
    for (const at of reached) (states[at] as State).cost = cost;
    near = [...new Set(reached.flatMap((at) => before[at] ?? []))];
  }
  return states;
}
