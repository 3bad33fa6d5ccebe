import type { RoutingRequest } from '../../../shared/api/routing.ts';
import type { JobType } from '../../../shared/protocol/subjects.ts';
import type { JobState } from '../../jobs/queue/job-state.ts';
import type { JobChange, ListedJob, QueuedAttempt, QueuedJob, QueuedOrder, Webhook } from '../queued-job-store.ts';

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

/** In the order of `QUEUED_JOB_COLUMNS`. */
export function queuedJobValues(order: QueuedOrder, state: JobState, change: JobChange): unknown[] {
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
    state,
    null,
    null,
    '[]',
    JSON.stringify([change]),
  ];
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
    changes: changesOf(row),
  };
}

export function changesOf({ changes }: Pick<QueuedJobRow, 'changes'>): JobChange[] {
  return JSON.parse(changes) as JobChange[];
}

export function toListedJob(row: QueuedJobRow): ListedJob {
  const { id, requestId, apiKeyId, type, model, state, createdAt, startedAt, finishedAt } = toQueuedJob(row);
  const rest = { stream: false, problem: null, usage: null };
  return { id, requestId, apiKeyId, type, model, state, createdAt, startedAt, finishedAt, ...rest };
}
