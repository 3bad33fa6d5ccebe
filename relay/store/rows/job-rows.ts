import { Problem } from '../../../shared/problems/problem.ts';
import type { ProblemRecord } from '../../../shared/problems/problem-record.ts';
import type { JobType } from '../../../shared/protocol/subjects.ts';
import type { SignatureVerdict } from '../../../shared/receipts/receipt.ts';
import type { AttemptRecord, FinalState, JobPage, JobRecord, JobSummary } from '../store.ts';
import { type ChargeValues, chargeValues } from './ledger-rows.ts';

type ProblemColumns = { problem_code: string | null; problem_detail: string | null; problem_param: string | null };

export type JobRow = ProblemColumns & {
  seq: number;
  id: string;
  request_id: string;
  api_key_id: string;
  type: JobType;
  model: string;
  stream: number;
  state: FinalState;
  created_at: number;
  started_at: number | null;
  finished_at: number;
  input_tokens: number | null;
  output_tokens: number | null;
};

export type AttemptRow = ProblemColumns & {
  attempt: number;
  node_id: string;
  epoch: number;
  state: FinalState;
  queued_at: number;
  started_at: number | null;
  finished_at: number;
  first_token_at: number | null;
};

export const JOB_COLUMNS =
  'id, request_id, api_key_id, type, model, stream, state, problem_code, problem_detail, problem_param, ' +
  'created_at, started_at, finished_at, input_tokens, output_tokens';

export const ATTEMPT_COLUMNS =
  'job, attempt, node_id, epoch, state, problem_code, problem_detail, problem_param, ' +
  'queued_at, started_at, finished_at, first_token_at';

/** What is inserted of one job. Plain values: they reach the database's thread in half the time that objects take. */
export type JobRows = {
  job: unknown[];
  /** Without the first column, which is known once the job is inserted. */
  attempts: unknown[][];
  /** The receipt as it is logged, in the canonical form. */
  receipt: { id: string; body: string } | null;
  /** What the job adds to the sums of its hour, key, model and node. */
  usage: unknown[];
  /** What it adds to the ledger. */
  charge: ChargeValues | null;
};

const HOUR_MS = 3_600_000;

export function rowsOf(record: JobRecord): JobRows {
  const { receipt, charge } = record;
  return {
    job: jobValues(record),
    attempts: record.attempts.map(attemptValues),
    receipt: receipt === null ? null : { id: receipt.id, body: JSON.stringify(receipt) },
    usage: usageValues(record),
    charge: charge == null ? null : chargeValues(charge, record.finishedAt),
  };
}

/**
 * Whether the node is not paid for the job: it has signed for something else than the relay saw. Only what is paid for is
 * checked, so that free jobs are recorded as quickly as before.
 */
export function isPayWithheld({ charge, receipt }: JobRows, judge: (body: string) => SignatureVerdict): boolean {
  return charge !== null && receipt !== null && judge(receipt.body) === 'refused';
}

function usageValues({ finishedAt, apiKeyId, model, attempts, state, usage }: JobRecord): unknown[] {
  const hour = Math.floor(finishedAt / HOUR_MS);
  const node = attempts.at(-1)?.nodeId ?? '';
  const hasFailed = state === 'succeeded' ? 0 : 1;
  return [hour, apiKeyId, model, node, hasFailed, usage?.inputTokens ?? 0, usage?.outputTokens ?? 0];
}

/** In the order of `JOB_COLUMNS`: positions bind twice as fast as names. */
function jobValues(job: JobRecord): unknown[] {
  const { problem, usage } = job;
  return [
    job.id,
    job.requestId,
    job.apiKeyId,
    job.type,
    job.model,
    job.stream ? 1 : 0,
    job.state,
    problem?.code ?? null,
    problem?.detail ?? null,
    problem?.param ?? null,
    job.createdAt,
    job.startedAt,
    job.finishedAt,
    usage?.inputTokens ?? null,
    usage?.outputTokens ?? null,
  ];
}

/** In the order of `ATTEMPT_COLUMNS`, but for the first. */
function attemptValues(attempt: AttemptRecord): unknown[] {
  const { problem } = attempt;
  return [
    attempt.attempt,
    attempt.nodeId,
    attempt.epoch,
    attempt.state,
    problem?.code ?? null,
    problem?.detail ?? null,
    problem?.param ?? null,
    attempt.queuedAt,
    attempt.startedAt,
    attempt.finishedAt,
    attempt.firstTokenAt,
  ];
}

export function toJobSummary(row: JobRow): JobSummary {
  const { input_tokens: inputTokens, output_tokens: outputTokens } = row;
  return {
    id: row.id,
    requestId: row.request_id,
    apiKeyId: row.api_key_id,
    type: row.type,
    model: row.model,
    stream: row.stream === 1,
    state: row.state,
    problem: toProblem(row),
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    usage: inputTokens === null || outputTokens === null ? null : { inputTokens, outputTokens },
  };
}

export function toAttempt(row: AttemptRow): AttemptRecord {
  return {
    attempt: row.attempt,
    nodeId: row.node_id,
    epoch: row.epoch,
    state: row.state,
    problem: toProblem(row),
    queuedAt: row.queued_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    firstTokenAt: row.first_token_at,
  };
}

/** One page of jobs, of which one more than `limit` was read. */
export function pageOfJobs(rows: readonly JobRow[], limit: number): JobPage {
  const jobs = rows.slice(0, limit).map(toJobSummary);
  return { jobs, next: rows.length > limit ? (jobs.at(-1)?.id ?? null) : null };
}

export function noSuchJob(before: string | undefined): Problem {
  const detail = `There is no job ${before}. Pass the \`next\` of the page before, unchanged.`;
  return new Problem('invalid_value', detail, { param: 'before' });
}

export type StateCount = { state: FinalState; count: number };

export function countsOf(rows: readonly StateCount[]): Record<FinalState, number> {
  const counts: Record<FinalState, number> = { succeeded: 0, failed: 0, cancelled: 0, expired: 0 };
  for (const { state, count } of rows) counts[state] = count;
  return counts;
}

function toProblem(row: ProblemColumns): ProblemRecord | null {
  if (row.problem_code === null) return null;
  const problem: ProblemRecord = { code: row.problem_code, detail: row.problem_detail ?? '' };
  if (row.problem_param !== null) problem.param = row.problem_param;
  return problem;
}
