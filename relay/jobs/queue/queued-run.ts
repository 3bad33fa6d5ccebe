import { Problem, toProblem, toProblemRecord } from '../../../shared/problems/problem.ts';
import type { DoneFrame, JobInput } from '../../../shared/protocol/messages.ts';
import { isServiceType } from '../../../shared/protocol/subjects.ts';
import type { JobFileRun } from '../../files/job-files.ts';
import type { RelayLog } from '../../log.ts';
import { type Routing, readRouting } from '../../scheduler/routing.ts';
import type { JobEnding, JobMove, QueuedAttempt, QueuedJob, QueuedJobStore } from '../../store/queued-job-store.ts';
import type { AttemptRecord, JobRecord } from '../../store/store.ts';
import { collectResult } from '../../tasks/task-result.ts';
import type { JobTrace } from '../../tracing/job-trace.ts';
import type { AnswerSink } from '../attempt.ts';
import type { JobSpec } from '../job.ts';
import type { JobRunner } from '../run-job.ts';
import { afterRun, countAttempts } from './after-run.ts';
import { recordOfUnrun } from './ended-record.ts';
import type { EndEvent } from './job-state.ts';

export type RunLimits = Pick<JobSpec, 'timeoutMs' | 'stallTimeoutMs'> & { resultBytes: number };

/** How an input is kept: what a node is asked, and for a service's own output the input that it was made from. */
export type KeptInput = { input: JobInput; asked?: Readonly<Record<string, unknown>> };

/** Makes the result of a job from what its node puts out. */
export type ResultReader = {
  readonly sink: AnswerSink;
  readonly files?: JobFileRun;
  output(done: DoneFrame): unknown;
};

export type QueuedRunPorts = {
  store: Pick<QueuedJobStore, 'inputOf'>;
  jobs: JobRunner;
  /** How a service is run on the nodes of now. Errors: `service_not_found` and `file_not_found` for what is no more. */
  serviceRun: (
    service: string,
    call: Required<KeptInput>,
    routing: Routing,
    client: string,
  ) => Promise<{ reader: ResultReader; routing: Routing }>;
  limits: RunLimits;
  /** Hears of each run as soon as it has ended, before its node's slot is given to another job. */
  spent: (record: JobRecord) => void;
  /** Milliseconds since 1970. */
  now: () => number;
  log: RelayLog;
  /** Writes a step of the job down. */
  move(id: string, event: 'assign' | 'start' | 'requeue', move: JobMove): void;
};

export type QueuedRun = {
  readonly job: QueuedJob;
  /** JSON; undefined when it has to be read from the store. */
  readonly input: string | undefined;
  readonly trace: JobTrace | undefined;
  /** Those of earlier runs. */
  readonly attempts: readonly AttemptRecord[];
  readonly caller: AbortController;
  /** How long it may wait for a slot. */
  readonly slotWaitMs: number;
  /** Called once when a node was chosen, or when the job waits because none could be. */
  onAsked(): void;
  /** Called when a node was chosen, for each that is asked. */
  onAssigned(): void;
  /** Called when a node has begun, for each attempt. */
  onBegun(): void;
};

/** The job's end, or that it has to wait again, with the attempts it has behind it. */
export type RunOutcome =
  | { is: 'end'; event: EndEvent; ending: JobEnding }
  | { is: 'again'; attempts: readonly AttemptRecord[] };

/** What a node lets a program run at most. */
const TOOL_MS = 3_600_000;

const END_STATES = { succeed: 'succeeded', fail: 'failed', cancel: 'cancelled', expire: 'expired' } as const;

/**
 * Runs a job of the queue once, over as many nodes as it takes. Never rejects.
 *
 * Invariant: whatever is told of a node before a step is written down is told again by a later step, so that a lost
 * step costs only its own line in the history.
 */
export async function runQueuedJob(run: QueuedRun, ports: QueuedRunPorts): Promise<RunOutcome> {
  const { job, caller } = run;
  const history = followAttempts(run, ports);
  let record: JobRecord | undefined;
  let files: JobFileRun | undefined;
  try {
    const input = run.input ?? (await ports.store.inputOf(job.id));
    if (input === undefined) throw new Error(`the input of job ${job.id} is missing`);
    const kept = JSON.parse(input) as KeptInput;
    const { reader, routing } = await howToRun(job, kept, ports);
    files = reader.files;
    const spec = { ...specOf(run, kept.input, routing, ports), files };
    const sink = bothSinks(reader.sink, history.sink);
    const running = ports.jobs.run(spec, sink, caller, (made) => {
      record = made;
      ports.spent(made);
    });
    run.onAsked();
    const { done } = await running;
    const text = JSON.stringify(reader.output(done));
    if (Buffer.byteLength(text) > ports.limits.resultBytes) throw tooLarge(ports.limits.resultBytes);
    return endOf('succeed', { record: ownRecord(record, job), result: text });
  } catch (error) {
    const problem = toProblem(error);
    // What came from the runner it has logged itself.
    if (record === undefined && problem.code === 'internal') {
      ports.log.error({ job: job.id, err: error }, 'a job of the queue met a fault of the relay');
    }
    const attempts = history.ended();
    const event = afterRun(problem, attempts, job);
    if (event === 'requeue') {
      history.requeue(problem);
      return { is: 'again', attempts };
    }
    const state = END_STATES[event];
    const unrun = recordOfUnrun(job, attempts, { state, problem, at: ports.now() });
    const { usage, receipt, charge = null } = record ?? unrun;
    return endOf(event, { record: { ...unrun, usage, receipt, charge }, result: null });
  } finally {
    await files?.close();
  }
}

/** Both hear of the end of an attempt; everything else is told to one of them. */
function bothSinks(reader: AnswerSink, history: AnswerSink): AnswerSink {
  const attemptEnded = (attempt: AttemptRecord): void => {
    reader.attemptEnded?.(attempt);
    history.attemptEnded?.(attempt);
  };
  return { ...reader, ...history, attemptEnded };
}

async function howToRun(
  { type, service, routing, apiKeyId }: QueuedJob,
  { input, asked }: KeptInput,
  { serviceRun }: QueuedRunPorts,
): Promise<{ reader: ResultReader; routing: Routing }> {
  const wished = readRouting(routing);
  if (asked !== undefined) return serviceRun(service, { input, asked }, wished, apiKeyId);
  const { sink, of: output } = collectResult(type);
  return { reader: { sink, output }, routing: wished };
}

function endOf(event: EndEvent, ending: JobEnding): RunOutcome {
  return { is: 'end', event, ending };
}

/** The runner knows of its own run only. */
function ownRecord(record: JobRecord | undefined, { createdAt }: QueuedJob): JobRecord {
  if (record === undefined) throw new Error('a run ended without a record');
  return { ...record, createdAt };
}

function specOf(
  { job, trace, attempts, slotWaitMs }: QueuedRun,
  input: JobInput,
  routing: Routing,
  { limits, now }: QueuedRunPorts,
): JobSpec {
  const { id, receiptId, requestId, apiKeyId, type, service, model, maxAttempts, nonce, holdMicro } = job;
  return {
    id,
    receiptId,
    requestId,
    apiKeyId,
    type,
    service,
    model,
    nonce: nonce ?? undefined,
    holdMicro: holdMicro ?? undefined,
    stream: false,
    input,
    routing,
    maxWaitMs: slotWaitMs,
    ...timesOf(job, limits, now()),
    maxAttempts: attempts.length + maxAttempts - countAttempts(attempts),
    earlier: attempts,
    trace,
  };
}

/**
 * A program or a kernel works long. Like whoever answers with one object it says nothing between its start and its end; that
 * its node lives is seen otherwise.
 */
function timesOf({ type, deadline }: QueuedJob, { timeoutMs, stallTimeoutMs }: RunLimits, now: number) {
  if (type === 'llm' || type === 'embed') return { timeoutMs, stallTimeoutMs };
  if (!isServiceType(type)) return { timeoutMs, stallTimeoutMs: timeoutMs };
  const leftMs = Math.max(timeoutMs, Math.min(deadline - now, TOOL_MS));
  return { timeoutMs: leftMs, stallTimeoutMs: leftMs };
}

/**
 * Writes the attempts of a run down as they begin. A node that was only asked leaves no line: one that works for others says
 * so many times a second, and as long as it likes.
 */
function followAttempts({ job, attempts, onAssigned, onBegun }: QueuedRun, { now, move }: QueuedRunPorts) {
  const ended = [...attempts];
  let isOnNode = false;
  let asked: (QueuedAttempt & { startedAt: number }) | undefined;

  const requeue = (problem?: Problem): void => {
    if (!isOnNode) return;
    isOnNode = false;
    const last = ended.at(-1)?.problem;
    const why = problem === undefined ? last : toProblemRecord(problem);
    move(job.id, 'requeue', { at: now(), attempts: ended, ...(why == null ? {} : { problem: why }) });
  };
  const begin = (): void => {
    if (asked === undefined || isOnNode) return;
    isOnNode = true;
    onBegun();
    const { startedAt: at, nodeId, attempt } = asked;
    move(job.id, 'assign', { at, attempts: [...ended, asked], nodeId, attempt });
  };
  const sink: AnswerSink = {
    assigned: (node, attempt) => {
      onAssigned();
      requeue();
      asked = {
        attempt,
        nodeId: node.id,
        epoch: node.epoch,
        state: 'running',
        problem: null,
        queuedAt: ended.at(-1)?.finishedAt ?? job.createdAt,
        startedAt: now(),
        finishedAt: null,
        firstTokenAt: null,
      };
    },
    accepted: (node) => {
      begin();
      move(job.id, 'start', { at: now(), nodeId: node.id, attempt: asked?.attempt ?? 0 });
    },
    attemptEnded: (one) => {
      begin();
      ended.push(one);
    },
  };
  return { sink, requeue, ended: (): readonly AttemptRecord[] => ended };
}

function tooLarge(mostBytes: number): Problem {
  return new Problem('result_too_large', `The result is larger than ${mostBytes} bytes. Ask for less in one job.`);
}
