import type { RoutingRequest } from '../../../shared/api/routing.ts';
import type { ProblemRecord } from '../../../shared/problems/problem-record.ts';
import type { JobType } from '../../../shared/protocol/subjects.ts';
import { type EndEvent, hasEnded, type JobEvent, type JobState, step } from '../../jobs/queue/job-state.ts';
import type {
  JobChange,
  JobEnding,
  JobListing,
  JobMove,
  ListedJob,
  ListedJobs,
  QueuedAttempt,
  QueuedJob,
  QueuedOrder,
  Webhook,
} from '../queued-job-store.ts';
import { type JobRow, type JobRows, rowsOf, toJobSummary } from './job-rows.ts';

export type QueuedJobRow = {
  seq: number;
  id: string;
  receipt_id: string;
  request_id: string;
  api_key_id: string;
  service: string;
  type: JobType;
  model: string;
  routing: string;
  priority: number;
  deadline: number;
  max_attempts: number;
  max_wait_ms: number | null;
  created_at: number;
  idempotency_key: string | null;
  request_hash: string;
  input_bytes: number;
  webhook: string;
  nonce: string | null;
  hold_micro: number | null;
  state: JobState;
  started_at: number | null;
  finished_at: number | null;
  attempts: string;
  changes: string;
};

export const QUEUED_JOB_COLUMNS =
  'id, receipt_id, request_id, api_key_id, service, type, model, routing, priority, deadline, max_attempts, ' +
  'max_wait_ms, created_at, idempotency_key, request_hash, input_bytes, webhook, nonce, hold_micro, state, started_at, finished_at, attempts, changes';

const COLUMN_NAMES = QUEUED_JOB_COLUMNS.split(', ');
const API_KEY_AT = COLUMN_NAMES.indexOf('api_key_id');
const IDEMPOTENCY_KEY_AT = COLUMN_NAMES.indexOf('idempotency_key');

/** An order as it is when it has just been accepted. */
export function acceptedJob(order: QueuedOrder, state: JobState): QueuedJob {
  const change: JobChange = { seq: 1, at: order.createdAt, state, nodeId: null, attempt: null, problem: null };
  return { ...order, state, startedAt: null, finishedAt: null, attempts: [], changes: [change] };
}

/** In the order of `QUEUED_JOB_COLUMNS`. */
export function queuedJobValues(order: QueuedJob): unknown[] {
  return [
    order.id,
    order.receiptId,
    order.requestId,
    order.apiKeyId,
    order.service,
    order.type,
    order.model,
    JSON.stringify(order.routing),
    order.priority,
    order.deadline,
    order.maxAttempts,
    order.maxWaitMs,
    order.createdAt,
    order.idempotencyKey,
    order.requestHash,
    order.inputBytes,
    JSON.stringify(order.webhook),
    order.nonce,
    order.holdMicro,
    order.state,
    order.startedAt,
    order.finishedAt,
    JSON.stringify(order.attempts),
    JSON.stringify(order.changes),
  ];
}

/** The key of the client and the idempotency key among such values; undefined without one. */
export function idempotencyOf(values: readonly unknown[]): [apiKeyId: string, idempotencyKey: string] | undefined {
  const [apiKeyId, key] = [values[API_KEY_AT], values[IDEMPOTENCY_KEY_AT]];
  return typeof apiKeyId === 'string' && typeof key === 'string' ? [apiKeyId, key] : undefined;
}

export function toQueuedJob(row: QueuedJobRow): QueuedJob {
  return {
    id: row.id,
    receiptId: row.receipt_id,
    requestId: row.request_id,
    apiKeyId: row.api_key_id,
    service: row.service,
    type: row.type,
    model: row.model,
    routing: JSON.parse(row.routing) as RoutingRequest | null,
    priority: row.priority,
    deadline: row.deadline,
    maxAttempts: row.max_attempts,
    maxWaitMs: row.max_wait_ms,
    createdAt: row.created_at,
    idempotencyKey: row.idempotency_key,
    requestHash: row.request_hash,
    inputBytes: row.input_bytes,
    webhook: JSON.parse(row.webhook) as Webhook | null,
    nonce: row.nonce,
    holdMicro: row.hold_micro,
    state: row.state,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    attempts: JSON.parse(row.attempts) as QueuedAttempt[],
    changes: JSON.parse(row.changes) as JobChange[],
  };
}

/** Only lines of batches have a mark with a space in it. */
export const IS_LINE = "idempotency_key LIKE '% %'";

/** Its lines are forgotten with its end: until then the batch needs the results of its jobs, however old they are. */
export const OF_NO_LIVE_BATCH = 'NOT EXISTS (SELECT 1 FROM batch_lines WHERE batch_lines.job_id = queued_jobs.id)';

/** After every id. */
export const LAST_ID = '\u{10ffff}';

export type MovedValues = [
  state: JobState,
  startedAt: number | null,
  finishedAt: number | null,
  attempts: string,
  changes: string,
  seq: number,
];

/** A step as plain values; the attempts are JSON, and null where they stay as they are. */
export type StepValues = [
  event: JobEvent,
  at: number,
  nodeId: string | null,
  attempt: number | null,
  problem: ProblemRecord | null,
  attempts: string | null,
];

export function stepValues(event: JobEvent, { at, nodeId, attempt, problem, attempts }: JobMove): StepValues {
  const text = attempts === undefined ? null : JSON.stringify(attempts);
  return [event, at, nodeId ?? null, attempt ?? null, problem ?? null, text];
}

/**
 * What becomes of a job by these steps one after the other, those that its state does not allow passed over; undefined
 * when all are.
 */
export function movedRow(
  row: QueuedJobRow | undefined,
  steps: readonly StepValues[],
): { changes: JobChange[]; state: JobState; values: MovedValues } | undefined {
  if (row === undefined) return undefined;
  const before = JSON.parse(row.changes) as JobChange[];
  const changes: JobChange[] = [];
  let { state, attempts } = row;
  let startedAt: number | null = null;
  let finishedAt: number | null = null;
  for (const [event, at, nodeId, attempt, problem, attemptsText] of steps) {
    const next = step(state, event);
    if (next === state) continue;
    state = next;
    attempts = attemptsText ?? attempts;
    if (state === 'assigned') startedAt ??= at;
    if (hasEnded(state)) finishedAt = at;
    changes.push({ seq: before.length + changes.length + 1, at, state, nodeId, attempt, problem });
  }
  if (changes.length === 0) return undefined;
  const changesText = JSON.stringify([...before, ...changes]);
  return { changes, state, values: [state, startedAt, finishedAt, attempts, changesText, row.seq] };
}

/** What is written of an end, as plain values: they reach the database's thread in less time than objects. */
export type EndingRows = {
  steps: StepValues[];
  record: JobRows;
  result: string | null;
  /** What a webhook is told, if there is one. */
  word: { id: string; body: string } | null;
  finishedAt: number;
};

export function rowsOfEnding(event: EndEvent, { steps = [], record, result, event: word }: JobEnding): EndingRows {
  const { attempts, problem, finishedAt } = record;
  const last = attempts.at(-1);
  const where = last === undefined ? {} : { nodeId: last.nodeId, attempt: last.attempt };
  const end: JobMove = { at: finishedAt, attempts, ...where, ...(problem === null ? {} : { problem }) };
  // The end brings the attempts of the steps too.
  const way = steps.map(({ event, move: { attempts: _, ...move } }) => stepValues(event, move));
  return { steps: [...way, stepValues(event, end)], record: rowsOf(record), result, word: word ?? null, finishedAt };
}

export type WebhookValues = [apiKeyId: string, url: string, secret: string, eventId: string, body: string, at: number];

/** What the webhook of a job is told of its end; undefined when there is none. */
export function wordOfEnding(row: QueuedJobRow, { word, finishedAt }: EndingRows): WebhookValues | undefined {
  const webhook = JSON.parse(row.webhook) as Webhook | null;
  if (webhook === null || word === null) return undefined;
  return [row.api_key_id, webhook.url, webhook.secret, word.id, word.body, finishedAt];
}

/** The states of a listing among those of jobs that live, and among those of jobs that have ended; null for all of them. */
export function statesOf({ states }: Pick<JobListing, 'states'>): {
  live: readonly JobState[] | null;
  ended: readonly JobState[] | null;
} {
  if (states == null) return { live: null, ended: null };
  return { live: states.filter((state) => !hasEnded(state)), ended: states.filter(hasEnded) };
}

/** One page, newest first, of live and ended jobs, of each of which one more than `limit` was read. */
export function pageOf(live: readonly QueuedJobRow[], ended: readonly JobRow[], limit: number): ListedJobs {
  const all: ListedJob[] = [...live.map(toListedJob), ...ended.map(toJobSummary)];
  all.sort((a, b) => (a.id < b.id ? 1 : -1));
  const jobs = all.slice(0, limit);
  return { jobs, next: all.length > limit ? (jobs.at(-1)?.id ?? null) : null };
}

function toListedJob(row: QueuedJobRow): ListedJob {
  const { id, requestId, apiKeyId, type, model, state, createdAt, startedAt, finishedAt } = toQueuedJob(row);
  const rest = { stream: false, problem: null, usage: null };
  return { id, requestId, apiKeyId, type, model, state, createdAt, startedAt, finishedAt, ...rest };
}
