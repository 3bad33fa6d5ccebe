import type { RouteChoice } from '../../shared/api/routing.ts';
import type { Choice } from './choose.ts';
import { type Score, scoreFrom, TERMS, type Terms, type WEIGHTS } from './score.ts';
import type { Wanted } from './wanted.ts';

export type Actual = NonNullable<RouteChoice['actual']>;

/** A choice as it was written down. Times in milliseconds, `chosenAt` since 1970. */
export type KeptChoice = {
  readonly job: string;
  readonly apiKeyId: string;
  readonly model: string;
  readonly chosenAt: number;
  readonly waitedMs: number;
  readonly freeNodes: number;
  readonly sort: keyof typeof WEIGHTS;
  /** The chosen node first. */
  readonly compared: readonly { node: string; score: Score }[];
  readonly actual: Actual | null;
};

/** The newest choices, each under a number that is never given again. */
export type ChoiceRows = {
  write(job: { id: string; apiKeyId: string }, wanted: Wanted, choice: Choice, at: number, waitedMs: number): number;
  /** What came of a choice; nothing happens when it is no longer kept. */
  end(row: number, actual: Actual): void;
  /** The choices of a job, in the order they were made. */
  of(jobId: string): KeptChoice[];
};

const COMPARED_KEPT = 3;
const SCORE_NUMBERS = 2 + TERMS.length;
const CHOICE_NUMBERS = 5;
const ROW_NUMBERS = CHOICE_NUMBERS + COMPARED_KEPT * SCORE_NUMBERS;

type Texts = {
  job: string;
  apiKeyId: string;
  model: string;
  sort: keyof typeof WEIGHTS;
  nodes: (string | undefined)[];
  /** Undefined until the attempt has ended. */
  problem: string | null | undefined;
};

/**
 * Rows are made once and written over in turn, in plain numbers: one choice per request that lived on for as long as
 * the next ten thousand take was a third of what the garbage collector had to carry.
 */
export function createChoiceRows(most: number): ChoiceRows {
  const numbers = new Float64Array(most * ROW_NUMBERS);
  const texts: Texts[] = Array.from({ length: most }, emptyTexts);
  let written = 0;

  const write: ChoiceRows['write'] = (job, wanted, { compared, free }, at, waitedMs) => {
    const row = written++;
    const slot = row % most;
    const kept = texts[slot] as Texts;
    kept.job = job.id;
    kept.apiKeyId = job.apiKeyId;
    kept.model = wanted.model;
    kept.sort = wanted.routing?.sort ?? 'balanced';
    kept.problem = undefined;
    const start = slot * ROW_NUMBERS;
    numbers[start] = at;
    numbers[start + 1] = waitedMs;
    numbers[start + 2] = free;
    for (let i = 0; i < COMPARED_KEPT; i++) {
      const one = compared[i];
      kept.nodes[i] = one?.node.id;
      if (one !== undefined) writeScore(one.score, numbers, start + CHOICE_NUMBERS + i * SCORE_NUMBERS);
    }
    return row;
  };

  const read = (slot: number): KeptChoice => {
    const { job, apiKeyId, model, sort, nodes, problem } = texts[slot] as Texts;
    const row = numbers.subarray(slot * ROW_NUMBERS, (slot + 1) * ROW_NUMBERS);
    const [chosenAt = 0, waitedMs = 0, freeNodes = 0, firstTokenMs = 0, endMs = 0] = row;
    const compared = nodes
      .filter((node) => node !== undefined)
      .map((node, i) => ({ node, score: readScore(row, CHOICE_NUMBERS + i * SCORE_NUMBERS, sort) }));
    const first_token_ms = Number.isNaN(firstTokenMs) ? null : firstTokenMs;
    const actual = problem === undefined ? null : { first_token_ms, end_ms: endMs, problem };
    return { job, apiKeyId, model, chosenAt, waitedMs, freeNodes, sort, compared, actual };
  };

  return {
    write,
    end: (row, { first_token_ms, end_ms, problem }) => {
      if (row < 0 || row < written - most) return;
      const slot = row % most;
      (texts[slot] as Texts).problem = problem;
      numbers[slot * ROW_NUMBERS + 3] = first_token_ms ?? Number.NaN;
      numbers[slot * ROW_NUMBERS + 4] = end_ms;
    },
    of: (jobId) => {
      const found: KeptChoice[] = [];
      for (let row = Math.max(0, written - most); row < written; row++) {
        if (texts[row % most]?.job === jobId) found.push(read(row % most));
      }
      return found;
    },
  };
}

function emptyTexts(): Texts {
  const nodes: (string | undefined)[] = Array.from({ length: COMPARED_KEPT });
  return { job: '', apiKeyId: '', model: '', sort: 'balanced', nodes, problem: undefined };
}

function writeScore({ firstTokenMs, endMs, terms }: Score, into: Float64Array, at: number): void {
  into[at] = firstTokenMs;
  into[at + 1] = endMs;
  for (let i = 0; i < TERMS.length; i++) into[at + 2 + i] = terms[TERMS[i] as keyof Terms];
}

function readScore(row: Float64Array, at: number, sort: keyof typeof WEIGHTS): Score {
  const terms = Object.fromEntries(TERMS.map((name, i) => [name, row[at + 2 + i] ?? 0])) as Terms;
  return scoreFrom(terms, { firstTokenMs: row[at] ?? 0, endMs: row[at + 1] ?? 0 }, sort);
}
