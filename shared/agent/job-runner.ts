import { createSteadyClock } from '../clock/steady-clock.ts';
import { OPERATOR_CLIENT } from '../policy/decide.ts';
import type { OwnerPolicy } from '../policy/owner-policy.ts';
import { Problem, toProblem } from '../problems/problem.ts';
import type { CancelRequest, JobRequest, JsonInput } from '../protocol/messages.ts';
import type { ObjectType } from '../protocol/subjects.ts';
import type { PieceDetail, Runtime, RuntimeFiles, RuntimeJob, ToolCallPiece } from '../runtimes/runtime.ts';
import type { TraceContext } from '../tracing/trace-context.ts';
import { createFrameWriter, type FrameWriter } from './frame-writer.ts';
import type { JobWitness, WitnessedJob } from './job-witness.ts';
import type { AgentLog } from './log.ts';
import { beginSigning, type ReceiptKey, type ReceiptSigning } from './receipt-signing.ts';
import { type RunSpans, tellRun } from './run-span.ts';
import type { Slots } from './slots.ts';
import type { WarmSessions } from './warm-sessions.ts';

export type JobRunner = {
  /** Runs one attempt, which has this place in a trace, and answers it with frames through `send`; never throws. */
  handle(request: JobRequest, send: (data: Uint8Array) => void, trace?: TraceContext): void;
  cancel(request: CancelRequest): void;
  /** Ends every running job without a word: their lease is gone, so nobody may hear of them. */
  abandonAll(reason: string): void;
  /** Ends every running job, and says why. */
  stopAll(problem: Problem): void;
  running(): number;
};

/** Those of a node's own runtime. */
export type NodeJobs = JobRunner & {
  /** Resolves when none runs. */
  idle(): Promise<void>;
};

export type JobRunnerPorts = {
  runtime: Runtime;
  slots: Slots;
  policy: OwnerPolicy;
  /** The epoch of the open session, or 0 while there is none. */
  epoch: () => number;
  now: () => number;
  /** What is told of the conversations that the runtime still knows; nothing when absent. */
  warm?: WarmSessions | undefined;
  /** Signs the node's part of receipts; without it answers go unsigned. */
  receiptKey?: ReceiptKey | undefined;
  witness?: JobWitness | undefined;
  /** Where files of jobs are; absent where the node has no relay of its own. */
  relay?: () => Pick<RuntimeFiles, 'relayUrl' | 'authority'>;
  /** Puts files of a job into its input; absent where the node fetches none (SPEC F6). */
  withFiles?: (input: JsonInput, files: RuntimeFiles, signal: AbortSignal) => Promise<JsonInput>;
  /** Where the times of runs are told; nowhere when absent. */
  spans?: RunSpans | undefined;
  log: AgentLog;
};

/** A timer asked to wait longer would not wait at all. */
const TIMER_MOST_MS = 2 ** 31 - 1;

/** `steady` measures what `now` tells the beginning of. */
type TimedPorts = JobRunnerPorts & { steady: () => number };
type RunningJob = { epoch: number; attempt: number; client: string; abort: AbortController; frames: FrameWriter };

/**
 * Invariants: (1) a job starts only under the current epoch and with a slot held; (2) the slot is given back exactly
 * when the runtime has settled and its answer is signed, not when the relay was told; (3) a job is in `jobs` from start
 * to settlement; (4) the runtime sees no job that the owner's policy refuses.
 */
export function createJobRunner(given: JobRunnerPorts): NodeJobs {
  const jobs = new Map<string, RunningJob>();
  const ports = { ...given, steady: createSteadyClock(given.now) };
  const waiters: (() => void)[] = [];
  return {
    handle: (request, send, trace) => {
      const abort = new AbortController();
      const frames = createFrameWriter({
        epoch: request.epoch,
        stream: request.type !== 'embed' && request.stream === true,
        send,
        onUnsent: (problem) => abort.abort(problem),
        now: ports.steady,
      });
      const refusal = refusalOf(request, ports, jobs);
      const release = refusal === undefined ? ports.slots.tryTake() : undefined;
      if (release === undefined) {
        frames.fail(refusal ?? new Problem('node_busy', `All ${ports.slots.total} slots of this node are taken.`));
        return;
      }
      frames.accept();
      // What was asked is signed for, not what the owner's limits made of it.
      const signing = ports.receiptKey && beginSigning(request, ports.receiptKey);
      const asked = { request: ports.policy.limited(request), trace, abort };
      void runAttempt(asked, frames, signing, ports, jobs).finally(() => {
        release();
        if (jobs.size === 0) for (const told of waiters.splice(0)) told();
      });
    },
    cancel: (request) => {
      const job = jobs.get(request.job);
      if (job?.attempt !== request.attempt || job.epoch !== request.epoch) return;
      job.abort.abort(new Problem('cancelled', 'The relay cancelled the job.'));
    },
    abandonAll: (reason) => {
      for (const job of jobs.values()) {
        job.frames.abandon();
        job.abort.abort(new Problem('cancelled', reason));
      }
    },
    stopAll: (problem) => {
      for (const job of jobs.values()) job.abort.abort(problem);
    },
    idle: () => (jobs.size === 0 ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve))),
    running: () => jobs.size,
  };
}

function refusalOf(request: JobRequest, ports: JobRunnerPorts, jobs: Map<string, RunningJob>): Problem | undefined {
  if (request.epoch !== ports.epoch()) {
    return new Problem('stale_epoch', `The request is of epoch ${request.epoch}, the session of ${ports.epoch()}.`);
  }
  if (jobs.has(request.job)) return new Problem('node_busy', `Job ${request.job} still runs on this node.`);
  const client = clientOf(request);
  const running = [...jobs.values()].filter((job) => job.client === client).length;
  return ports.policy.refusalOf(request, running);
}

function clientOf({ client = OPERATOR_CLIENT }: JobRequest): string {
  return client;
}

async function runAttempt(
  { request, trace, abort }: { request: JobRequest; trace: TraceContext | undefined; abort: AbortController },
  frames: FrameWriter,
  signing: ReceiptSigning | undefined,
  ports: TimedPorts,
  jobs: Map<string, RunningJob>,
): Promise<void> {
  const timeout = setTimeout(
    () => abort.abort(jobTimeout(request.timeoutMs)),
    Math.min(request.timeoutMs, TIMER_MOST_MS),
  );
  jobs.set(request.job, {
    epoch: request.epoch,
    attempt: request.attempt,
    client: clientOf(request),
    abort,
    frames,
  });
  const startedAt = ports.now();
  const { witness, steady } = ports;
  const begunAt = steady();
  const witnessed = witness && witnessedJobOf(request, startedAt);
  if (witnessed !== undefined) witness?.began(witnessed);
  let firstTokenAt: number | undefined;
  let ended: Problem | undefined;
  const output = {
    text: (text: string, tokens: number, more?: PieceDetail) => {
      firstTokenAt ??= steady();
      signing?.text(text, more);
      frames.text(text, tokens, more);
      witness?.produced(request.job, tokens);
    },
    toolCall: (piece: ToolCallPiece) => {
      firstTokenAt ??= steady();
      signing?.toolCall(piece);
      frames.toolCall(piece);
      witness?.produced(request.job, piece.tokens);
    },
    vectors: (start: number, count: number, dimensions: number, values: Float32Array) => {
      signing?.vectors(values.subarray(0, count * dimensions));
      frames.vectors(start, count, dimensions, values);
    },
  };
  try {
    const session = sessionOf(request, ports.warm);
    const asked = runtimeJobOf(request, session instanceof Promise ? await session : session, ports);
    const job = 'files' in asked ? await withFilesOf(asked, abort.signal, ports) : asked;
    const { warmSessions, ...result } = await ports.runtime.run(job, output, abort.signal);
    if (warmSessions !== undefined) ports.warm?.noted(request.model, warmSessions);
    // What was done in time is not too late for being signed.
    clearTimeout(timeout);
    const totalMs = steady() - begunAt;
    const firstTokenMs = firstTokenAt === undefined ? totalMs : firstTokenAt - begunAt;
    const done = { ...result, timings: { firstTokenMs, totalMs } };
    const signature = await signing?.sign(done);
    frames.done(signature === undefined ? done : { ...done, signature });
    if (witnessed !== undefined) witness?.ended(witnessed, { outcome: 'done', usage: result.usage, totalMs });
  } catch (error) {
    const problem = toProblem(error, 'node_fault');
    ended = problem;
    if (!(error instanceof Problem)) ports.log.error({ job: request.job, err: error }, 'a job failed');
    frames.fail(problem);
    const totalMs = steady() - begunAt;
    if (witnessed !== undefined) witness?.ended(witnessed, { outcome: problem.code, usage: undefined, totalMs });
  } finally {
    clearTimeout(timeout);
    jobs.delete(request.job);
    const run = { startMs: startedAt, endMs: startedAt + steady() - begunAt, problem: ended?.code ?? null };
    if (ports.spans !== undefined) tellRun(request, trace, run, ports.spans);
  }
}

function witnessedJobOf(request: JobRequest, startedAt: number): WitnessedJob {
  const { job, attempt, type, model } = request;
  return { job, attempt, type, model, client: clientOf(request), startedAt };
}

function sessionOf(request: JobRequest, warm: WarmSessions | undefined): string | Promise<string> | undefined {
  if (request.type !== 'llm') return undefined;
  const { model, input } = request;
  return warm?.keyOf({ client: clientOf(request), model, messages: input.messages });
}

function runtimeJobOf(request: JobRequest, session: string | undefined, { relay }: JobRunnerPorts): RuntimeJob {
  const client = clientOf(request);
  if (request.type === 'llm') {
    const { model, input, fetched, reasoningApart } = request;
    const job = { type: 'llm' as const, model, input, client, scope: client };
    return {
      ...job,
      ...(session === undefined ? {} : { session }),
      ...(fetched === undefined ? {} : { fetched }),
      ...(reasoningApart === undefined ? {} : { reasoningApart }),
    };
  }
  if (request.type === 'embed') return { type: 'embed', model: request.model, input: request.input, client };
  const { type, model, input, service, files, stream } = request;
  return {
    ...{ type, model, input, client },
    ...(stream === true ? { stream } : {}),
    ...(service === undefined ? {} : { service }),
    ...(files === undefined || relay === undefined ? {} : { files: { ...files, ...relay() } }),
  };
}

async function withFilesOf(
  job: Extract<RuntimeJob, { type: ObjectType }>,
  signal: AbortSignal,
  { withFiles }: JobRunnerPorts,
): Promise<RuntimeJob> {
  if (job.files === undefined || withFiles === undefined) return job;
  const input = await withFiles(job.input, job.files, signal);
  if (input === job.input) return job;
  // The runtime has all that it reads, and no business with the token.
  const { files: _, ...rest } = job;
  return { ...rest, input };
}

function jobTimeout(timeoutMs: number): Problem {
  return new Problem('job_timeout', `The job did not end within ${timeoutMs} ms.`);
}
