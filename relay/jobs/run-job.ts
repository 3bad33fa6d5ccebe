import { Problem, toProblem } from '../../shared/problems/problem.ts';
import type { DoneFrame } from '../../shared/protocol/messages.ts';
import type { Billing } from '../credits/billing.ts';
import type { Bus } from '../fabric/bus/bus.ts';
import type { LiveNode, NodeTable } from '../fabric/nodes/node-table.ts';
import type { RelayLog } from '../log.ts';
import type { ReceiptKeys } from '../receipts/draft-receipt.ts';
import type { AttemptOutcome, Reservation, Scheduler } from '../scheduler/scheduler.ts';
import { wantedBy } from '../scheduler/wanted.ts';
import type { JobRecord } from '../store/store.ts';
import { type AnswerSink, type AttemptPorts, startAttempt } from './attempt.ts';
import { beginCourse, type Course, type JobEnd, type JobTimings } from './course.ts';
import type { JobSpec } from './job.ts';
import { createJobsInHand, type InHandPage, type JobNow } from './jobs-in-hand.ts';
import { createNodePulse } from './node-pulse.ts';
import { watchNodes } from './node-watch.ts';
import type { RecordKeeper } from './record-keeper.ts';

export type JobResult = { readonly done: DoneFrame; readonly node: LiveNode; readonly timings: JobTimings };

export type JobRunner = {
  /**
   * Runs a job to its one end and records it. Output goes to the sink. A failure is tried on another node while there is
   * no output or the sink can take it back; otherwise it is not, since somebody has already seen a part. Rejects with a
   * `Problem`. The caller aborts it when it gives up, and the runner when the job's time is up. A caller with `keep` is
   * given the record to write down itself, before the promise settles, and holds credits for it itself.
   */
  run(job: JobSpec, sink: AnswerSink, caller: AbortController, keep?: (record: JobRecord) => void): Promise<JobResult>;
  running(): number;
  /** A job without `keep` that is not on the disk yet. */
  find(id: string): JobNow | undefined;
  /** Such jobs, newest first. */
  list(page: InHandPage): JobNow[];
  /** Settles when such a job is written down or kept for later; undefined when it is not here. */
  whenWritten(id: string): Promise<void> | undefined;
  /** Ends such a job for this reason unless it ends by itself first; resolves when that is written. False when it is not here. */
  giveUp(id: string, reason: Problem): Promise<boolean>;
  /** The same for all such jobs of these keys that run; resolves with how many there were. */
  giveUpAllOf(apiKeyIds: ReadonlySet<string>, reason: Problem): Promise<number>;
  /** Frames dropped because they came from an epoch that is over. */
  staleFrames(): number;
};

export type JobRunnerPorts = {
  bus: Bus;
  table: NodeTable;
  scheduler: Scheduler;
  records: Pick<RecordKeeper, 'write' | 'find' | 'kept'>;
  receiptKeys: ReceiptKeys;
  billing: Pick<Billing, 'chargeFor' | 'reserve'>;
  log: RelayLog;
  /** Hears of each job that has ended and is not kept by its caller. */
  onFinished?: (job: JobRecord) => void;
  /** Milliseconds, monotonic; by which nodes are found silent and jobs are timed. */
  clock?: () => number;
};

type Keep = (record: JobRecord, node: string | null) => void;

const MAX_ATTEMPTS = 3;
/** A node that says it is busy has just not told yet that a slot came free, or works for another relay too. */
const BUSY_PAUSE_MS = 20;

export function createJobRunner(ports: JobRunnerPorts): JobRunner {
  const attempts: AttemptPorts = {
    bus: ports.bus,
    whenGone: watchNodes(ports.table),
    pulse: createNodePulse(ports),
    staleFrames: { count: 0 },
  };
  const inHand = createJobsInHand(ports.records);
  let running = 0;
  return {
    run: async (job, sink, caller, keep) => {
      if (job.holdMicro !== undefined && keep === undefined) ports.billing.reserve(job.id, job.apiKeyId, job.holdMicro);
      running += 1;
      const timer = setTimeout(() => caller.abort(outOfTime(job)), job.timeoutMs);
      const course = beginCourse(job, sink, ports.clock);
      const keepRecord = keep ?? keptBy(inHand.begin(course, caller), ports);
      try {
        const result = await tryNodes(course, caller.signal, ports, attempts);
        record(course, { state: 'succeeded', ...result }, ports, keepRecord);
        return result;
      } catch (error) {
        const problem = toProblem(error);
        if (problem.code === 'internal') ports.log.error({ job: job.id, err: error }, 'a job met a fault of the relay');
        record(course, { state: problem.code === 'cancelled' ? 'cancelled' : 'failed', problem }, ports, keepRecord);
        throw problem;
      } finally {
        clearTimeout(timer);
        running -= 1;
      }
    },
    running: () => running,
    find: inHand.find,
    list: inHand.list,
    whenWritten: inHand.whenWritten,
    giveUp: inHand.giveUp,
    giveUpAllOf: inHand.giveUpAllOf,
    staleFrames: () => attempts.staleFrames.count,
  };
}

/** Off the answer's path: the client need not wait for the disk. */
function keptBy(ended: Keep, { onFinished }: Pick<JobRunnerPorts, 'onFinished'>): Keep {
  return (finished, node) => {
    onFinished?.(finished);
    ended(finished, node);
  };
}

function outOfTime({ timeoutMs }: JobSpec): Problem {
  return new Problem('job_timeout', `The job did not end within ${timeoutMs} ms.`);
}

async function tryNodes(
  course: Course,
  signal: AbortSignal,
  ports: JobRunnerPorts,
  attempts: AttemptPorts,
): Promise<JobResult> {
  const exclude = new Set<string>();
  const busy = new Set<string>();
  let lastProblem: Problem | undefined;
  const most = course.job.maxAttempts ?? MAX_ATTEMPTS;
  while (course.attempts.length < most) {
    const reservation =
      (busy.size > 0 ? await reserveBesides(busy, course, exclude, signal, ports) : undefined) ??
      (await reserve(course, exclude, signal, ports, lastProblem));
    const { node } = reservation;
    course.assigned(node);
    const attempt = startAttempt(course.job, course.attempts.length + 1, node, course.sink, signal, attempts);
    void attempt.released.then(reservation.release);
    try {
      const last = await attempt.done;
      if (last.text !== '') course.sink.text?.(last.text, course.job.stream ? 0 : last.usage.outputTokens);
      await course.sink.judge?.(last);
      const done = course.believed(last);
      course.attemptEnded(node, null);
      ports.scheduler.attemptEnded(reservation, outcomeOf(course, null, done));
      return { done, node, timings: course.timings() };
    } catch (error) {
      const problem = toProblem(error);
      lastProblem = problem;
      ports.scheduler.attemptEnded(reservation, outcomeOf(course, problem));
      // No attempt (SPEC R1, O3), also when the time to wait is over; but what somebody has seen was one.
      if (isRefusal(problem, course.job) && course.takeBack()) {
        course.unassigned();
        const mayAskAgain = problem.code === 'node_busy' && course.elapsedMs() < course.job.maxWaitMs;
        (mayAskAgain ? busy : exclude).add(node.id);
        continue;
      }
      exclude.add(node.id);
      course.attemptEnded(node, problem);
      if (problem.retry !== 'elsewhere' || !mayMove(course.job) || !course.takeBack()) throw problem;
      ports.log.info({ job: course.job.id, node: node.id, code: problem.code }, 'a job moves to another node');
    }
  }
  throw lastProblem ?? new Problem('no_capacity', `No node could run ${course.job.model}.`);
}

/** The node has no slot for the job, or its owner does not want it, by which no other owner is bound. */
function isRefusal({ code }: Problem, job: JobSpec): boolean {
  return code === 'node_busy' || (code === 'policy_refused' && mayMove(job));
}

function mayMove({ routing }: JobSpec): boolean {
  return routing?.allowFallbacks ?? true;
}

/** The attempt's own times, from the choice of its node on. */
function outcomeOf(course: Course, problem: Problem | null, done?: DoneFrame): AttemptOutcome {
  const { queueMs, firstTokenMs, totalMs } = course.timings();
  const endMs = totalMs - queueMs;
  const seenMs = firstTokenMs === null ? null : Math.max(0, firstTokenMs - queueMs);
  // What does not stream shows its first token at the end; the node says when there was one, and may not exaggerate.
  const toldMs = done === undefined || course.job.stream ? null : Math.min(done.timings.firstTokenMs, endMs);
  const { inputTokens, outputTokens, cachedTokens = 0 } = done?.usage ?? { inputTokens: 0, outputTokens: 0 };
  // What was known from before took no time, and says nothing of how quickly the node reads.
  const readTokens = inputTokens - cachedTokens;
  return { problem, firstTokenMs: toldMs ?? seenMs, endMs, inputTokens: readTokens, outputTokens };
}

/** After a refusal the other nodes come first; when each has refused, all are asked again after a pause. */
async function reserveBesides(
  busy: Set<string>,
  course: Course,
  exclude: ReadonlySet<string>,
  signal: AbortSignal,
  ports: JobRunnerPorts,
): Promise<Reservation | undefined> {
  const wanted = wantedBy(course.job, { exclude: new Set([...exclude, ...busy]), maxWaitMs: 0, signal });
  try {
    return await ports.scheduler.reserve(wanted);
  } catch (error) {
    if (toProblem(error).code !== 'no_capacity') throw error;
    await pause(BUSY_PAUSE_MS);
    busy.clear();
    return undefined;
  }
}

async function reserve(
  course: Course,
  exclude: ReadonlySet<string>,
  signal: AbortSignal,
  ports: JobRunnerPorts,
  lastProblem: Problem | undefined,
): Promise<Reservation> {
  const maxWaitMs = course.job.maxWaitMs - course.elapsedMs();
  try {
    return await ports.scheduler.reserve(wantedBy(course.job, { exclude, maxWaitMs, signal }));
  } catch (error) {
    const problem = toProblem(error);
    if (problem.code !== 'no_capacity') throw problem;
    if (!ports.bus.isConnected()) {
      throw new Problem('bus_unavailable', 'The message bus is being restarted. Try again in a moment.', {
        retryAfterMs: 1_000,
      });
    }
    // Once nodes have failed the job, their reason says more than "no capacity".
    throw lastProblem ?? problem;
  }
}

/** `keep` writes the record down, or has it written. */
function record(course: Course, end: JobEnd, ports: JobRunnerPorts, keep: Keep): void {
  const finished = course.record(end, ports.receiptKeys);
  finished.charge = ports.billing.chargeFor(course.job, finished);
  course.job.trace?.ended(finished, course.job.earlier?.length ?? 0);
  keep(finished, end.state === 'succeeded' ? end.node.id : null);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
