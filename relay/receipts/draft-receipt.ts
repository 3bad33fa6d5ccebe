import type { Execution, NodeTimings, Usage } from '../../shared/protocol/messages.ts';
import type { JobType } from '../../shared/protocol/subjects.ts';
import type { LoggedReceipt, MeasuredUsage } from '../../shared/receipts/receipt.ts';
import { namedExecution, SERVICE_OF_JOB_TYPE } from '../../shared/receipts/statements.ts';

/** What the relay knows of an attempt that succeeded. Its times are milliseconds by one clock; fractions are rounded. */
export type ReceiptFacts = {
  receiptId: string;
  job: string;
  attempt: number;
  nonce: string | null;
  node: string;
  epoch: number;
  type: JobType;
  /** The registry id that was asked for, where it was asked by one. */
  service?: string | undefined;
  model: string;
  execution: Execution;
  requestHash: string;
  responseHash: string;
  /** The node's claim. */
  reported: Usage;
  /** What the relay counted itself; null for what passed it by. */
  measured: MeasuredUsage | null;
  queuedAt: number;
  startedAt: number;
  firstTokenAt: number | null;
  finishedAt: number;
  /** Milliseconds since 1970. */
  issuedAt: number;
  keys: LoggedReceipt['keys'];
  /** What the node said of its own times, and signed. */
  nodeTimings: NodeTimings | null;
  nodeSignature: string | null;
};

/** Whose keys stand under receipts. */
export type ReceiptKeys = { readonly relay: string; publicKeyOf(nodeId: string): string | undefined };

/** The keys under a receipt of that node; null for one that is not registered any more. */
export function keysOf(nodeId: string, keys: ReceiptKeys): LoggedReceipt['keys'] {
  return { node: keys.publicKeyOf(nodeId) ?? null, relay: keys.relay };
}

/**
 * The receipt of an attempt that succeeded, as it is logged: nobody has looked at the node's signature yet. Every member
 * is named here, so that nothing slips into it by accident, and in the order of the canonical form, so that plain JSON
 * writes that.
 */
export function draftReceipt(facts: ReceiptFacts): LoggedReceipt {
  const { firstTokenAt, measured, nodeTimings, reported } = facts;
  const since = (time: number) => wholeMs(time - facts.queuedAt);
  return {
    attempt: facts.attempt,
    epoch: facts.epoch,
    execution: namedExecution(facts.execution),
    id: facts.receiptId,
    issuedAt: Math.round(facts.issuedAt),
    job: facts.job,
    keys: { node: facts.keys.node, relay: facts.keys.relay },
    model: facts.model,
    node: facts.node,
    nonce: facts.nonce,
    requestHash: facts.requestHash,
    responseHash: facts.responseHash,
    service: facts.service ?? SERVICE_OF_JOB_TYPE[facts.type],
    signatures: { node: facts.nodeSignature },
    times: {
      firstTokenMs: firstTokenAt === null ? null : since(firstTokenAt),
      queueMs: since(facts.startedAt),
      reported: nodeTimings && { firstTokenMs: nodeTimings.firstTokenMs, totalMs: nodeTimings.totalMs },
      totalMs: since(facts.finishedAt),
    },
    usage: { measured, reported: { inputTokens: reported.inputTokens, outputTokens: reported.outputTokens } },
    v: 2,
  };
}

/** Whole numbers read the same in every language; a clock that steps back must not make one negative. */
function wholeMs(ms: number): number {
  return Math.max(0, Math.round(ms));
}
