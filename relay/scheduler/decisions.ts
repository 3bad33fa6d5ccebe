import type { NodeScore, RouteChoice, RouteDecision } from '../../shared/api/routing.ts';
import type { Problem } from '../../shared/problems/problem.ts';
import type { Choice } from './choose.ts';
import { type Score, TERMS, WEIGHTS } from './score.ts';
import type { Wanted } from './wanted.ts';

/** How the last jobs were routed, with what was predicted and what came of it. */
export type DecisionLog = {
  chosen(wanted: Wanted, choice: Choice, waitedMs: number): void;
  attemptEnded(jobId: string, actual: NonNullable<RouteChoice['actual']>): void;
  jobEnded(job: { id: string; apiKeyId: string; model: string }, problem: Problem | null): void;
  /** The decision with this id, if it is still kept and belongs to the key; `null` reads any. */
  find(id: string, apiKeyId: string | null): RouteDecision | undefined;
};

type Entry = Omit<RouteDecision, 'choices'> & { apiKeyId: string; choices: KeptChoice[] };
type KeptChoice = Omit<RouteChoice, 'compared'> & {
  compared: { node: string; score: Score }[];
  sort: keyof typeof WEIGHTS;
};

/** A decision takes about a kilobyte. */
const DECISIONS_KEPT = 10_000;
const COMPARED_KEPT = 3;

/** The id of a job's decision follows from the job's, so that an answer can name it before anything is decided. */
export function decisionIdOf(jobId: string): string {
  return jobId.replace(/^[a-z]+_/, 'dec_');
}

/** Keeps the newest `kept` decisions, by the first time they were written. */
export function createDecisionLog(now: () => number, kept: number = DECISIONS_KEPT): DecisionLog {
  const entries = new Map<string, Entry>();
  const open = (job: { id: string; apiKeyId: string }, model: string): Entry => {
    const id = decisionIdOf(job.id);
    const known = entries.get(id);
    if (known !== undefined) return known;
    const entry: Entry = {
      id,
      job: job.id,
      apiKeyId: job.apiKeyId,
      model,
      created_at: now(),
      state: 'running',
      problem: null,
      choices: [],
    };
    entries.set(id, entry);
    if (entries.size > kept) entries.delete(entries.keys().next().value ?? id);
    return entry;
  };
  return {
    chosen: (wanted, choice, waitedMs) => {
      if (wanted.job === undefined) return;
      const { choices } = open(wanted.job, wanted.model);
      choices.push({
        attempt: choices.length + 1,
        node: choice.best.node.id,
        chosen_at: now(),
        waited_ms: waitedMs,
        free_nodes: choice.free,
        compared: choice.compared.slice(0, COMPARED_KEPT).map(({ node, score }) => ({ node: node.id, score })),
        sort: wanted.routing?.sort ?? 'balanced',
        predicted: { first_token_ms: choice.best.score.firstTokenMs, end_ms: choice.best.score.endMs },
        actual: null,
      });
    },
    attemptEnded: (jobId, actual) => {
      const last = entries.get(decisionIdOf(jobId))?.choices.at(-1);
      if (last !== undefined) last.actual = actual;
    },
    jobEnded: (job, problem) => {
      const entry = open(job, job.model);
      entry.problem = problem?.code ?? null;
      entry.state = problem === null ? 'succeeded' : problem.code === 'cancelled' ? 'cancelled' : 'failed';
    },
    find: (id, apiKeyId) => {
      const entry = entries.get(id);
      return entry === undefined || (apiKeyId !== null && entry.apiKeyId !== apiKeyId) ? undefined : show(entry);
    },
  };
}

function show({ apiKeyId: _, choices, ...entry }: Entry): RouteDecision {
  return {
    ...entry,
    choices: choices.map(({ sort, compared, ...choice }) => ({
      ...choice,
      compared: compared.map(({ node, score }) => ({ node, score: showScore(score, sort) })),
    })),
  };
}

/** A score as the API shows it, each term with its weight. */
export function showScore({ totalMs, firstTokenMs, endMs, terms }: Score, sort: keyof typeof WEIGHTS): NodeScore {
  return {
    total_ms: round(totalMs),
    first_token_ms: round(firstTokenMs),
    end_ms: round(endMs),
    terms: TERMS.map((name) => ({ name, ms: round(terms[name]), weight: WEIGHTS[sort][name] })),
  };
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
