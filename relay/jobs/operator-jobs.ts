import { encodeJson, messageReader } from '../../shared/protocol/codec.ts';
import { OPERATOR_KEY_ID, OperatorReport, type ReportKept } from '../../shared/protocol/operator.ts';
import { nodeIdOfResult, subjects } from '../../shared/protocol/subjects.ts';
import type { Bus } from '../fabric/bus/bus.ts';
import type { NodeTable } from '../fabric/nodes/node-table.ts';
import type { RelayLog } from '../log.ts';
import { draftReceipt, keysOf, type ReceiptFacts, type ReceiptKeys } from '../receipts/draft-receipt.ts';
import type { FinishedJob, JobRecord, JobStore } from '../store/store.ts';
import { newId } from './id.ts';

/** Work that the operator's own programs asked nodes for, past the relay. */
export type OperatorJobs = {
  /** Reports dropped because they came from an epoch that is over or from a node without a session. */
  staleReports(): number;
};

export type OperatorJobsPorts = {
  bus: Bus;
  table: NodeTable;
  store: JobStore;
  receiptKeys: ReceiptKeys;
  /** Milliseconds since 1970. */
  now: () => number;
  log: RelayLog;
};

const readReport = messageReader(OperatorReport, 'report');

/**
 * Writes down what nodes report of such work.
 *
 * Invariants: (1) a report counts only under the epoch of the node's open session; (2) each is recorded once, however
 * often it is told; (3) it is confirmed when it is durable, and not before.
 */
export function recordOperatorJobs({ bus, table, store, receiptKeys, now, log }: OperatorJobsPorts): OperatorJobs {
  const writing = new Set<string>();
  let stale = 0;

  const keep = async (nodeId: string, report: OperatorReport): Promise<void> => {
    const known = await store.findJob(report.job);
    if (known === undefined)
      await store.recordFinishedJob(recordOf(nodeId, report, now(), keysOf(nodeId, receiptKeys)));
    else if (!isSame(known, nodeId)) log.warn({ node: nodeId, job: report.job }, 'a report names the job of another');
    const kept: ReportKept = { job: report.job };
    bus.publish(subjects.resultKept(nodeId), encodeJson(kept));
  };

  bus.subscribe(subjects.results, (subject, data) => {
    const nodeId = nodeIdOfResult(subject);
    const report = readReport(data);
    if (table.get(nodeId)?.epoch !== report.epoch || report.ranUnder > report.epoch) {
      stale += 1;
      return;
    }
    if (writing.has(report.job)) return;
    writing.add(report.job);
    keep(nodeId, report)
      .catch((error: unknown) => log.error({ node: nodeId, err: error }, 'a report could not be recorded'))
      .finally(() => writing.delete(report.job));
  });
  return { staleReports: () => stale };
}

function isSame(known: FinishedJob, nodeId: string): boolean {
  return known.apiKeyId === OPERATOR_KEY_ID && known.attempts[0]?.nodeId === nodeId;
}

/** Durations are the node's claim, the end is the relay's clock. */
function recordOf(nodeId: string, report: OperatorReport, finishedAt: number, keys: ReceiptFacts['keys']): JobRecord {
  const { job, type, model, outcome } = report;
  const startedAt = finishedAt - Math.round(report.totalMs);
  const firstTokenAt = outcome.state === 'succeeded' ? startedAt + Math.round(outcome.firstTokenMs) : null;
  const problem = outcome.state === 'succeeded' ? null : outcome.problem;
  const times = { queuedAt: startedAt, startedAt, finishedAt, firstTokenAt };
  const attempt = { attempt: 1, nodeId, epoch: report.ranUnder, state: outcome.state, problem, ...times };
  return {
    id: job,
    requestId: job,
    apiKeyId: OPERATOR_KEY_ID,
    type,
    model,
    stream: false,
    state: outcome.state,
    problem,
    createdAt: startedAt,
    startedAt,
    finishedAt,
    usage: outcome.state === 'succeeded' ? outcome.usage : null,
    attempts: [attempt],
    receipt: outcome.state === 'succeeded' ? receiptOf(nodeId, report, outcome, { ...times, keys }) : null,
  };
}

function receiptOf(
  node: string,
  { job, ranUnder, type, model, requestHash }: OperatorReport,
  { execution, responseHash, usage }: Extract<OperatorReport['outcome'], { state: 'succeeded' }>,
  more: Pick<ReceiptFacts, 'queuedAt' | 'startedAt' | 'finishedAt' | 'firstTokenAt' | 'keys'>,
): JobRecord['receipt'] {
  return draftReceipt({
    receiptId: newId('rcpt'),
    job,
    attempt: 1,
    node,
    epoch: ranUnder,
    type,
    model,
    execution,
    requestHash,
    responseHash,
    reported: usage,
    measured: null,
    ...more,
    issuedAt: more.finishedAt,
    nonce: null,
    // Nodes do not sign what was asked past the relay: there is no answer that the relay has seen.
    nodeTimings: null,
    nodeSignature: null,
  });
}
