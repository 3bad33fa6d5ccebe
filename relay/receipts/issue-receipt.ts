import type { Execution, Usage } from '../../shared/protocol/messages.ts';
import type { JobType } from '../../shared/protocol/subjects.ts';
import type { Receipt } from '../../shared/receipts/receipt.ts';

/** The registry's id of the service behind each type of job. */
export const SERVICE_OF_JOB_TYPE: Readonly<Record<JobType, string>> = {
  llm: 'llm/inference',
  embed: 'embed/text',
  stt: 'capability/stt',
  tts: 'capability/tts',
  ocr: 'capability/ocr',
  image: 'capability/image',
};

/** What the relay knows of an attempt that succeeded. Its times are milliseconds by one clock; fractions are rounded. */
export type ReceiptFacts = {
  receiptId: string;
  job: string;
  attempt: number;
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
  /** What the relay counted itself, where it can. */
  measured?: Usage | undefined;
  queuedAt: number;
  startedAt: number;
  firstTokenAt: number | null;
  finishedAt: number;
  /** Milliseconds since 1970. */
  issuedAt: number;
};

/** The receipt of an attempt that succeeded. Every member is named here, so that nothing slips into it by accident. */
export function issueReceipt(facts: ReceiptFacts): Receipt {
  const { firstTokenAt, measured, reported } = facts;
  const since = (time: number) => wholeMs(time - facts.queuedAt);
  return {
    v: 1,
    id: facts.receiptId,
    job: facts.job,
    attempt: facts.attempt,
    node: facts.node,
    epoch: facts.epoch,
    service: facts.service ?? SERVICE_OF_JOB_TYPE[facts.type],
    model: facts.model,
    execution: facts.execution,
    requestHash: facts.requestHash,
    responseHash: facts.responseHash,
    usage: measured === undefined ? { reported } : { measured, reported },
    times: {
      queueMs: since(facts.startedAt),
      firstTokenMs: firstTokenAt === null ? null : since(firstTokenAt),
      totalMs: since(facts.finishedAt),
    },
    issuedAt: Math.round(facts.issuedAt),
  };
}

/** Whole numbers read the same in every language; a clock that steps back must not make one negative. */
function wholeMs(ms: number): number {
  return Math.max(0, Math.round(ms));
}
