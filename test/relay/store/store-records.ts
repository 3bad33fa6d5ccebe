import { createNKey } from '../../../relay/fabric/bus/nkey.ts';
import { draftReceipt } from '../../../relay/receipts/draft-receipt.ts';
import { createReceiptSealer } from '../../../relay/receipts/seal-receipt.ts';
import type { QueuedOrder } from '../../../relay/store/queued-job-store.ts';
import type { FinishedJob, JobRecord, KeyRecord, NodeRecord } from '../../../relay/store/store.ts';
import type { LoggedReceipt, Receipt } from '../../../shared/receipts/receipt.ts';

/** A moment that every record of these tests is made around. */
export const T0 = 1_790_000_000_000;

/** The key by which the stores of these tests sign. */
export const RELAY_KEY = createNKey('server');

const { seal } = createReceiptSealer(RELAY_KEY);

export function receiptFor(job: string): Receipt {
  return seal(draftFor(job));
}

/** What a store gives back of what it was given to keep. */
export function asKept(record: JobRecord): FinishedJob {
  const { receipt } = record;
  return { ...record, receipt: receipt && seal(receipt) };
}

export function draftFor(job: string, receiptId = `rcpt_of_${job}`): LoggedReceipt {
  return draftReceipt({
    receiptId,
    job,
    attempt: 1,
    node: 'desk-4f2a9c',
    epoch: 3,
    type: 'llm',
    model: 'sparewatt/tiny-chat',
    execution: { runtime: 'transformers.js', device: 'cpu', dtype: 'q8', revision: 'main', digest: 'a'.repeat(64) },
    requestHash: 'b'.repeat(64),
    responseHash: 'c'.repeat(64),
    reported: { inputTokens: 20, outputTokens: 12 },
    measured: { outputTokens: 12, requestBytes: 200, responseBytes: 50 },
    queuedAt: T0,
    startedAt: T0 + 1,
    firstTokenAt: T0 + 3,
    finishedAt: T0 + 20,
    issuedAt: T0 + 21,
    nonce: null,
    keys: { node: null, relay: RELAY_KEY.publicKey },
    nodeTimings: null,
    nodeSignature: null,
  });
}

export function finishedJob(id: string, changes: Partial<JobRecord> = {}): JobRecord {
  return {
    id,
    requestId: `req_of_${id}`,
    apiKeyId: 'key_1',
    type: 'llm',
    model: 'sparewatt/tiny-chat',
    stream: true,
    state: 'succeeded',
    problem: null,
    createdAt: T0,
    startedAt: T0 + 1,
    finishedAt: T0 + 20,
    attempts: [
      {
        attempt: 1,
        nodeId: 'desk-4f2a9c',
        epoch: 3,
        state: 'succeeded',
        problem: null,
        queuedAt: T0,
        startedAt: T0 + 1,
        finishedAt: T0 + 20,
        firstTokenAt: T0 + 3,
      },
    ],
    usage: { inputTokens: 20, outputTokens: 12 },
    receipt: draftFor(id),
    ...changes,
  };
}

/** A job that never reached a node. */
export function refusedJob(id: string): JobRecord {
  return finishedJob(id, {
    state: 'failed',
    stream: false,
    problem: { code: 'no_capacity', detail: 'No node can take this job now.', param: 'model' },
    startedAt: null,
    attempts: [],
    usage: null,
    receipt: null,
  });
}

/** A job of the queue as it is ordered. */
export function queuedOrder(id: string, changes: Partial<QueuedOrder> = {}): QueuedOrder {
  return {
    id,
    receiptId: `rcpt_of_${id}`,
    requestId: `req_of_${id}`,
    apiKeyId: 'key_1',
    service: 'llm/inference',
    type: 'llm',
    model: 'sparewatt/tiny-chat',
    routing: { node: 'desk' },
    priority: 2,
    deadline: T0 + 60_000,
    maxAttempts: 3,
    maxWaitMs: null,
    createdAt: T0,
    idempotencyKey: null,
    requestHash: 'd'.repeat(64),
    inputBytes: 50,
    webhook: null,
    nonce: null,
    holdMicro: null,
    ...changes,
  };
}

export function keyRecord(keyId: string, changes: Partial<KeyRecord> = {}): KeyRecord {
  return {
    keyId,
    accountId: keyId,
    hash: `hash_of_${keyId}`,
    prefix: `sk-${keyId}`,
    name: `name of ${keyId}`,
    description: null,
    scopes: ['inference'],
    createdAt: T0,
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
    models: null,
    requestsPerMinute: null,
    tokensPerMinute: null,
    creditLimitMicro: null,
    maxParallelRequests: null,
    budgetMicro: null,
    budgetDuration: null,
    softBudgetMicro: null,
    hmac: false,
    ...changes,
  };
}

export function nodeRecord(nodeId: string, changes: Partial<NodeRecord> = {}): NodeRecord {
  return { nodeId, publicKey: `U_${nodeId}`, name: `machine ${nodeId}`, firstSeenAt: T0, ...changes };
}
