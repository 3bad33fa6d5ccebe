import { type Problem, toProblemRecord } from '../../shared/problems/problem.ts';
import type { ChatInput, DoneFrame, Usage } from '../../shared/protocol/messages.ts';
import type { LiveNode } from '../fabric/node-table.ts';
import { type ContentHash, createResponseHasher, hashRequest } from '../receipts/content-hashes.ts';
import { draftReceipt, keysOf, type ReceiptKeys } from '../receipts/draft-receipt.ts';
import { isHeld } from '../scheduler/wanted.ts';
import type { QueuedAttempt } from '../store/queued-job-store.ts';
import type { AttemptRecord, JobRecord } from '../store/store.ts';
import { believableUsage } from './answer/believable-usage.ts';
import { gatherAnswer } from './answer/gather-answer.ts';
import { assertHeld } from './answer/held-answer.ts';
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
export type Course = {
  readonly job: JobSpec;
  /** The caller's sink, with the times and the hash of what passes taken on the way. */
  readonly sink: AnswerSink;
  readonly attempts: AttemptRecord[];
  /** Whether no output has come out, or all that has could be taken back; the next attempt then begins afresh. */
  takeBack(): boolean;
  /** Milliseconds since the job was handed over. */
  elapsedMs(): number;
  assigned(node: LiveNode): void;
  /** The node did not take the job: there was no attempt. */
  unassigned(): void;
  /** Where the job is now. */
  now(): CourseNow;
  /** The last frame of a node, with such counts of tokens as can be believed. */
  believed(done: DoneFrame): DoneFrame;
  attemptEnded(node: LiveNode, problem: Problem | null): void;
  timings(): JobTimings;
  record(end: JobEnd, keys: ReceiptKeys): JobRecord;
};

/**
 * Times are taken from the monotonic clock; the wall clock is read once, so that a record's times stay in order when
 * the wall clock is set.
 */
export function beginCourse(job: JobSpec, sink: AnswerSink, clock = (): number => performance.now()): Course {
  const createdAt = Date.now();
  const startedMs = clock();
  const choices = job.type === 'llm' ? (job.input as ChatInput).choices : 1;
  let hasher = createResponseHasher(choices);
  const held = job.type === 'llm' && isHeld(job.input as ChatInput) ? gatherAnswer(choices ?? 1) : undefined;
  const attempts: AttemptRecord[] = job.earlier === undefined ? [] : [...job.earlier];
  let assignedMs = 0;
  let assignedTo: LiveNode | undefined;
  let firstOutputMs: number | null = null;
  let passedTokens = 0;
  let reported: Usage | undefined;
  let request: ContentHash | undefined;
  const hashedRequest = (): ContentHash => {
    request ??= hashRequest(job as Parameters<typeof hashRequest>[0]);
    return request;
  };
  const passed = (): Usage => believable({ inputTokens: 0, outputTokens: passedTokens });
  const measured = ({ done }: { done: DoneFrame }): Measured => {
    const outputTokens = job.type === 'llm' && job.stream ? passed().outputTokens : null;
    if (done.output !== undefined) hasher.output(done.output);
    return { request: hashedRequest(), response: hasher.digest(), outputTokens, reported: reported ?? done.usage };
  };
  const believable = (claimed: Usage): Usage =>
    believableUsage(job, claimed, {
      responseBytes: hasher.sizeBytes(),
      requestBytes: () => hashedRequest().sizeBytes,
    });
  const elapsedMs = (): number => clock() - startedMs;
  const wallClock = (ms: number): number => createdAt + Math.round(ms);

  return {
    job,
    attempts,
    elapsedMs,
    takeBack: () => {
      if (firstOutputMs === null) return true;
      if (sink.takeBack === undefined) return false;
      sink.takeBack();
      held?.sink.takeBack?.();
      hasher = createResponseHasher(choices);
      firstOutputMs = null;
      passedTokens = 0;
      return true;
    },
    assigned: (node) => {
      assignedMs = elapsedMs();
      assignedTo = node;
      sink.assigned?.(node, attempts.length + 1);
    },
    sink: {
      accepted: (node) => sink.accepted?.(node),
      text: (text, tokens, more) => {
        firstOutputMs ??= elapsedMs();
        // What is read along of a transcript comes again in its output, which is what counts.
        if (job.type === 'llm') hasher.text(text, more?.choice);
        passedTokens += tokens;
        held?.sink.text?.(text, tokens, more);
        sink.text?.(text, tokens, more);
      },
      toolCall: (piece) => {
        firstOutputMs ??= elapsedMs();
        hasher.toolCall(piece, piece.choice);
        passedTokens += piece.tokens;
        held?.sink.toolCall?.(piece);
        sink.toolCall?.(piece);
      },
      vectors: (frame) => {
        firstOutputMs ??= elapsedMs();
        hasher.vectors(frame.data);
        sink.vectors?.(frame);
      },
      judge: (done) => {
        if (held !== undefined) assertHeld(job.input as ChatInput, held.gathered(), done);
        return sink.judge?.(done);
      },
    },
    unassigned: () => {
      assignedTo = undefined;
    },
    now: () => {
      const startedAt = attempts[0]?.startedAt ?? (assignedTo === undefined ? null : wallClock(assignedMs));
      if (assignedTo === undefined) return { createdAt, startedAt, attempts: [...attempts] };
      const open: QueuedAttempt = {
        attempt: attempts.length + 1,
        nodeId: assignedTo.id,
        epoch: assignedTo.epoch,
        state: 'running',
        problem: null,
        queuedAt: attempts.at(-1)?.finishedAt ?? createdAt,
        startedAt: wallClock(assignedMs),
        finishedAt: null,
        firstTokenAt: firstOutputMs === null ? null : wallClock(firstOutputMs),
      };
      return { createdAt, startedAt, attempts: [...attempts, open] };
    },
    believed: (done) => {
      reported = done.usage;
      const usage = believable(reported);
      return usage === reported ? done : { ...done, usage };
    },
    attemptEnded: (node, problem) => {
      assignedTo = undefined;
      const ended: AttemptRecord = {
        attempt: attempts.length + 1,
        nodeId: node.id,
        epoch: node.epoch,
        state: problem === null ? 'succeeded' : problem.code === 'cancelled' ? 'cancelled' : 'failed',
        problem: problem === null ? null : toProblemRecord(problem),
        queuedAt: attempts.at(-1)?.finishedAt ?? createdAt,
        startedAt: wallClock(assignedMs),
        finishedAt: wallClock(elapsedMs()),
        firstTokenAt: firstOutputMs === null ? null : wallClock(firstOutputMs),
      };
      attempts.push(ended);
      sink.attemptEnded?.(ended);
    },
    timings: () => ({ queueMs: assignedMs, firstTokenMs: firstOutputMs, totalMs: elapsedMs() }),
    record: (end, keys) => ({
      id: job.id,
      requestId: job.requestId,
      apiKeyId: job.apiKeyId,
      type: job.type,
      model: job.model,
      stream: job.stream,
      state: end.state,
      problem: end.state === 'succeeded' ? null : toProblemRecord(end.problem),
      createdAt,
      startedAt: attempts[0]?.startedAt ?? null,
      finishedAt: wallClock(elapsedMs()),
      attempts,
      usage: end.state === 'succeeded' ? end.done.usage : usageOfBrokenJob(passed()),
      charge: null,
      receipt: end.state === 'succeeded' ? receiptOf(job, attempts, end, measured(end), keys) : null,
    }),
  };
}

/** A job that broke off is charged what was passed on; how long its prompt was, only a finished node has told. */
function usageOfBrokenJob(passed: Usage): Usage | null {
  return passed.outputTokens === 0 ? null : passed;
}

/** What goes into a receipt beside what the node said. */
type Measured = { request: ContentHash; response: ContentHash; outputTokens: number | null; reported: Usage };

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
