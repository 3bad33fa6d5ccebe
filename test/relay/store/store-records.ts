import { issueReceipt } from '../../../relay/receipts/issue-receipt.ts';
import type { FinishedJob, KeyRecord, NodeRecord } from '../../../relay/store/store.ts';
import type { Receipt } from '../../../shared/receipts/receipt.ts';

/** A moment that every record of these tests is made around. */
export const T0 = 1_790_000_000_000;

export function receiptFor(job: string, receiptId = `rcpt_of_${job}`, attempt = 1): Receipt {
  return issueReceipt({
    receiptId,
    job,
    attempt,
    node: 'desk-4f2a9c',
    epoch: 3,
    type: 'llm',
    model: 'sparewatt/tiny-chat',
    execution: { runtime: 'transformers.js', device: 'cpu', dtype: 'q8', revision: 'main', digest: 'a'.repeat(64) },
    requestHash: 'b'.repeat(64),
    responseHash: 'c'.repeat(64),
    reported: { inputTokens: 20, outputTokens: 12 },
    measured: { inputTokens: 20, outputTokens: 12 },
    queuedAt: T0,
    startedAt: T0 + 1,
    firstTokenAt: T0 + 3,
    finishedAt: T0 + 20,
    issuedAt: T0 + 21,
  });
}

export function finishedJob(id: string, changes: Partial<FinishedJob> = {}): FinishedJob {
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
    receipt: receiptFor(id),
    ...changes,
  };
}

/** A job that never reached a node. */
export function refusedJob(id: string): FinishedJob {
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

export function keyRecord(keyId: string, changes: Partial<KeyRecord> = {}): KeyRecord {
  return {
    keyId,
    hash: `hash_of_${keyId}`,
    name: `name of ${keyId}`,
    scopes: ['inference'],
    createdAt: T0,
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
    models: null,
    requestsPerMinute: null,
    tokensPerMinute: null,
    ...changes,
  };
}

export function nodeRecord(nodeId: string, changes: Partial<NodeRecord> = {}): NodeRecord {
  return { nodeId, publicKey: `U_${nodeId}`, name: `machine ${nodeId}`, firstSeenAt: T0, ...changes };
}
