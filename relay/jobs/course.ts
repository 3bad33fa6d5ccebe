import { type Problem, toProblemRecord } from '../../shared/problems/problem.ts';
import type { DoneFrame } from '../../shared/protocol/messages.ts';
import type { LiveNode } from '../fabric/nodes/node-table.ts';
import { draftReceipt, keysOf, type ReceiptKeys } from '../receipts/draft-receipt.ts';
import type { QueuedAttempt } from '../store/queued-job-store.ts';
import type { AttemptRecord, JobRecord } from '../store/store.ts';
import { type Measured, type WatchedAnswer, watchAnswer } from './answer/watched-answer.ts';
import type { AnswerSink } from './attempt.ts';
import type { JobSpec } from './job.ts';

/** What the relay itself measured, in milliseconds from the moment it was given the job. */
export type JobTimings = { queueMs: number; firstTokenMs: number | null; totalMs: number };

export type JobEnd =
  | { state: 'succeeded'; done: DoneFrame; node: LiveNode }
  | { state: 'failed' | 'cancelled'; problem: Problem };

/** A job on its way: its attempts so far, the last of which may still run. */
export type CourseNow = { createdAt: number; startedAt: number | null; attempts: QueuedAttempt[] };

/** What has happened to one job so far, and how that is written down. */
export type Course = Pick<WatchedAnswer, 'sink' | 'takeBack' | 'believed'> & {
  readonly job: JobSpec;
  readonly attempts: AttemptRecord[];
  /** Milliseconds since the job was handed over. */
  elapsedMs(): number;
  assigned(node: LiveNode): void;
  /** The node did not take the job: there was no attempt. */
  unassigned(): void;
  /** Where the job is now. */
  now(): CourseNow;
  attemptEnded(node: LiveNode, problem: Problem | null): void;
  timings(): JobTimings;
  record(end: JobEnd, keys: ReceiptKeys): JobRecord;
};

/** Where a job is. Times are milliseconds since it was handed over, but for `createdAt`. */
type Whereabouts = {
  readonly job: JobSpec;
  readonly createdAt: number;
  readonly attempts: AttemptRecord[];
  /** The node that has it now. */
  assignedTo: LiveNode | undefined;
  /** When the node was chosen that has it, or had it last. */
  assignedMs: number;
};

/**
 * Times are taken from the monotonic clock; the wall clock is read once, so that a record's times stay in order when
 * the wall clock is set.
 */
export function beginCourse(job: JobSpec, caller: AnswerSink, clock = (): number => performance.now()): Course {
  const startedMs = clock();
  const elapsedMs = (): number => clock() - startedMs;
  const attempts: AttemptRecord[] = job.earlier === undefined ? [] : [...job.earlier];
  const at: Whereabouts = { job, createdAt: Date.now(), attempts, assignedTo: undefined, assignedMs: 0 };
  const answer = watchAnswer(job, caller, elapsedMs);
  return {
    job,
    attempts,
    sink: answer.sink,
    takeBack: answer.takeBack,
    believed: answer.believed,
    elapsedMs,
    assigned: (node) => {
      at.assignedMs = elapsedMs();
      at.assignedTo = node;
      caller.assigned?.(node, attempts.length + 1);
    },
    unassigned: () => {
      at.assignedTo = undefined;
    },
    now: () => courseNow(at, answer.firstOutputMs()),
    attemptEnded: (node, problem) => {
      at.assignedTo = undefined;
      const ended = attemptOf(at, node, answer.firstOutputMs(), endOf(problem, wallClock(at, elapsedMs())));
      attempts.push(ended);
      caller.attemptEnded?.(ended);
    },
    timings: () => ({ queueMs: at.assignedMs, firstTokenMs: answer.firstOutputMs(), totalMs: elapsedMs() }),
    record: (end, keys) => recordOf(at, wallClock(at, elapsedMs()), end, answer, keys),
  };
}

function wallClock({ createdAt }: Whereabouts, ms: number): number {
  return createdAt + Math.round(ms);
}

function courseNow(at: Whereabouts, firstOutputMs: number | null): CourseNow {
  const { createdAt, attempts, assignedTo, assignedMs } = at;
  const startedAt = attempts[0]?.startedAt ?? (assignedTo === undefined ? null : wallClock(at, assignedMs));
  if (assignedTo === undefined) return { createdAt, startedAt, attempts: [...attempts] };
  const open = attemptOf(at, assignedTo, firstOutputMs, { state: 'running', problem: null, finishedAt: null });
  return { createdAt, startedAt, attempts: [...attempts, open] };
}

type Outcome = Pick<QueuedAttempt, 'state' | 'problem' | 'finishedAt'>;

function endOf(problem: Problem | null, finishedAt: number): Pick<AttemptRecord, keyof Outcome> {
  if (problem === null) return { state: 'succeeded', problem, finishedAt };
  const state = problem.code === 'cancelled' ? 'cancelled' : 'failed';
  return { state, problem: toProblemRecord(problem), finishedAt };
}

/** The attempt that began when the node was chosen; it waited since the one before ended. */
function attemptOf<End extends Outcome>(
  at: Whereabouts,
  { id: nodeId, epoch }: LiveNode,
  firstOutputMs: number | null,
  { state, problem, finishedAt }: End,
): QueuedAttempt & Pick<End, keyof Outcome> {
  const { job, createdAt, attempts, assignedMs } = at;
  return {
    attempt: attempts.length + 1,
    nodeId,
    epoch,
    state,
    problem,
    queuedAt: attempts.at(-1)?.finishedAt ?? job.queuedAt ?? createdAt,
    startedAt: wallClock(at, assignedMs),
    finishedAt,
    firstTokenAt: firstOutputMs === null ? null : wallClock(at, firstOutputMs),
  };
}

function recordOf(
  { job, createdAt, attempts }: Whereabouts,
  finishedAt: number,
  end: JobEnd,
  answer: Pick<WatchedAnswer, 'measured' | 'usageOfBroken'>,
  keys: ReceiptKeys,
): JobRecord {
  const hasSucceeded = end.state === 'succeeded';
  return {
    id: job.id,
    requestId: job.requestId,
    apiKeyId: job.apiKeyId,
    type: job.type,
    model: job.model,
    stream: job.stream,
    state: end.state,
    problem: hasSucceeded ? null : toProblemRecord(end.problem),
    createdAt,
    startedAt: attempts[0]?.startedAt ?? null,
    finishedAt,
    attempts,
    usage: hasSucceeded ? end.done.usage : answer.usageOfBroken(),
    charge: null,
    receipt: hasSucceeded ? receiptOf(job, attempts, end, answer.measured(end.done), keys) : null,
  };
}

function receiptOf(
  job: JobSpec,
  attempts: AttemptRecord[],
  { done, node }: JobEnd & { state: 'succeeded' },
  { request, response, outputTokens, reported }: Measured,
  keys: ReceiptKeys,
): JobRecord['receipt'] {
  const last = attempts.at(-1);
  if (last === undefined) return null;
  return draftReceipt({
    receiptId: job.receiptId,
    job: job.id,
    attempt: last.attempt,
    node: node.id,
    epoch: node.epoch,
    type: job.type,
    service: job.service,
    model: job.model,
    execution: done.execution,
    requestHash: request.hash,
    responseHash: response.hash,
    reported,
    measured: { outputTokens, requestBytes: request.sizeBytes, responseBytes: response.sizeBytes },
    queuedAt: last.queuedAt,
    startedAt: last.startedAt ?? last.queuedAt,
    firstTokenAt: last.firstTokenAt,
    finishedAt: last.finishedAt,
    issuedAt: last.finishedAt,
    nonce: job.nonce ?? null,
    keys: keysOf(node.id, keys),
    nodeTimings: done.timings,
    nodeSignature: done.signature ?? null,
  });
}
