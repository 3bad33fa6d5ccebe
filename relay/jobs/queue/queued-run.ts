import type { BatchEndpoint } from '../../../shared/api/batches.ts';
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

/** What a node is asked, and for a service's own output the input that it was made from. */
export type KeptOrder = { input: JobInput; asked?: Readonly<Record<string, unknown>> };
/** The body of a route, which is to be answered as the route answers. */
export type KeptCall = { endpoint: BatchEndpoint; input: Readonly<Record<string, unknown>> };
export type KeptInput = KeptOrder | KeptCall;

/** Makes the result of a job from what its node puts out. */
export type ResultReader = {
  readonly sink: AnswerSink;
  readonly files?: JobFileRun;
  output(done: DoneFrame): unknown;
  /** A problem with its parameter called as whoever asked calls it. */
  inTerms?(problem: Problem): Problem;
};

/** What a run asks of its node, and how its result is read. */
export type HowToRun = Pick<JobSpec, 'input' | 'fetched' | 'stream'> & {
  readonly reader: ResultReader;
  readonly routing: Routing;
};

export type QueuedRunPorts = {
  store: Pick<QueuedJobStore, 'inputOf'>;
  jobs: JobRunner;
  /** How a service is run on the nodes of now. Errors: `service_not_found` and `file_not_found` for what is no more. */
  serviceRun: (
    service: string,
    call: Required<KeptOrder>,
    routing: Routing,
    client: string,
  ) => Promise<{ reader: ResultReader; routing: Routing }>;
  /** How a call of a route is made. Errors: those of the route, and of fetching its pictures. */
  callRun: (job: QueuedJob, call: KeptCall, signal: AbortSignal) => Promise<HowToRun>;
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
  let reader: ResultReader | undefined;
  try {
    const input = run.input ?? (await ports.store.inputOf(job.id));
    if (input === undefined) throw new Error(`the input of job ${job.id} is missing`);
    const kept = JSON.parse(input) as KeptInput;
    const how = await howToRun(job, kept, caller.signal, ports);
    const { sink, files, output } = how.reader;
    reader = how.reader;
    const spec = { ...specOf(run, how, ports), files };
    const running = ports.jobs.run(spec, { ...sink, ...history.sink }, caller, (made) => {
      record = made;
      ports.spent(made);
    });
    run.onAsked();
    const { done } = await running;
    const text = JSON.stringify(output(done));
    if (Buffer.byteLength(text) > ports.limits.resultBytes) throw tooLarge(ports.limits.resultBytes);
    return endOf('succeed', { record: ownRecord(record, job), result: text });
  } catch (error) {
    const met = toProblem(error);
    const problem = reader?.inTerms?.(met) ?? met;
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
    await reader?.files?.close();
  }
}

async function howToRun(
  job: QueuedJob,
  kept: KeptInput,
  signal: AbortSignal,
  { serviceRun, callRun }: QueuedRunPorts,
): Promise<HowToRun> {
  if ('endpoint' in kept) return callRun(job, kept, signal);
  const { type, service, routing, apiKeyId } = job;
  const { input, asked } = kept;
  const wished = readRouting(routing);
  const plain = { input, stream: false };
  if (asked !== undefined) return { ...plain, ...(await serviceRun(service, { input, asked }, wished, apiKeyId)) };
  const { sink, of: output } = collectResult(type);
  return { ...plain, reader: { sink, output }, routing: wished };
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
  { input, routing, stream, fetched }: HowToRun,
  { limits, now }: QueuedRunPorts,
): JobSpec {
  const { id, receiptId, requestId, apiKeyId, type, service, model, createdAt, maxAttempts, nonce, holdMicro } = job;
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
    stream,
    input,
    fetched,
    routing,
    queuedAt: createdAt,
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
