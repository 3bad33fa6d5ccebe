import type { NodeScore, RouteChoice, RouteDecision } from '../../shared/api/routing.ts';
import { type Actual, createChoiceRows, type KeptChoice } from './choice-rows.ts';
import type { Choice } from './choose.ts';
import { type Score, TERMS, WEIGHTS } from './score.ts';
import type { Wanted } from './wanted.ts';

export type EndedJob = { readonly id: string; readonly apiKeyId: string; readonly model: string };

/** How the last jobs were routed, with what was predicted and what came of it. */
export type DecisionLog = {
  /** The number of the choice, for `attemptEnded`. */
  chosen(wanted: Wanted, choice: Choice, waitedMs: number): number;
  attemptEnded(choice: number, actual: Actual): void;
  /** Told once of each job; one of the queue may have run several times by then. */
  jobEnded(job: EndedJob, problem: { readonly code: string } | null): void;
  /** The decision with this id, if it is still kept and belongs to the key; `null` reads any. */
  find(id: string, apiKeyId: string | null): RouteDecision | undefined;
};

/** A choice takes about half a kilobyte. */
const KEPT = 10_000;

/** The id of a job's decision follows from the job's, so that an answer can name it before anything is decided. */
export function decisionIdOf(jobId: string): string {
  return `dec_${jobId.slice(jobId.indexOf('_') + 1)}`;
}

function jobIdOf(decisionId: string): string | undefined {
  return decisionId.startsWith('dec_') ? decisionId.replace('dec_', 'job_') : undefined;
}

/**
 * Keeps the newest `kept` choices and ends of jobs. They are put together when somebody asks, which is seldom: looking
 * through all of them takes less than a millisecond.
 */
export function createDecisionLog(now: () => number, kept: number = KEPT): DecisionLog {
  const choices = createChoiceRows(kept);
  const ends: End[] = Array.from({ length: kept }, () => ({ id: '', apiKeyId: '', model: '', at: 0, problem: null }));
  let ended = 0;
  return {
    chosen: (wanted, choice, waitedMs) =>
      wanted.job === undefined ? -1 : choices.write(wanted.job, wanted, choice, now(), waitedMs),
    attemptEnded: choices.end,
    jobEnded: ({ id, apiKeyId, model }, problem) => {
      Object.assign(ends[ended++ % kept] as End, { id, apiKeyId, model, at: now(), problem: problem?.code ?? null });
    },
    find: (id, apiKeyId) => {
      const job = jobIdOf(id);
      if (job === undefined) return undefined;
      const end = ends.find((one) => one.id === job);
      const made = choices.of(job);
      const of = end ?? made[0];
      if (of === undefined || (apiKeyId !== null && of.apiKeyId !== apiKeyId)) return undefined;
      return {
        id,
        job,
        model: of.model,
        created_at: made[0]?.chosenAt ?? end?.at ?? 0,
        state: stateOf(end),
        problem: end?.problem ?? null,
        choices: made.map(showChoice),
      };
    },
  };
}

type End = { id: string; apiKeyId: string; model: string; at: number; problem: string | null };

function stateOf(end: End | undefined): RouteDecision['state'] {
  if (end === undefined) return 'running';
  if (end.problem === null) return 'succeeded';
  return end.problem === 'cancelled' ? 'cancelled' : 'failed';
}

function showChoice(choice: KeptChoice, index: number): RouteChoice {
  const { chosenAt, waitedMs, freeNodes, sort, compared, actual } = choice;
  const [best] = compared;
  return {
    attempt: index + 1,
    node: best?.node ?? '',
    chosen_at: chosenAt,
    waited_ms: waitedMs,
    free_nodes: freeNodes,
    compared: compared.map(({ node, score }) => ({ node, score: showScore(score, sort) })),
    predicted: { first_token_ms: best?.score.firstTokenMs ?? 0, end_ms: best?.score.endMs ?? 0 },
    actual,
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
