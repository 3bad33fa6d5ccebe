import type { JobWait } from '../../../shared/api/jobs.ts';
import type { Problem } from '../../../shared/problems/problem.ts';
import type { NodeTable } from '../../fabric/nodes/node-table.ts';
import type { RelayLog } from '../../log.ts';
import type { Repeatable } from '../../repeats/repeatable.ts';
import type { JobChange, JobEnding, QueuedJob, QueuedJobStore, QueuedOrder } from '../../store/queued-job-store.ts';
import type { JobRecord } from '../../store/store.ts';
import type { JobRunner } from '../run-job.ts';
import { type Accepted, createAdmission } from './admission.ts';
import { countAttempts } from './after-run.ts';
import { createDispatcher, type DispatcherPorts } from './dispatcher.ts';
import { settleDoubts } from './doubtful-jobs.ts';
import { attemptsAfterRestart, RELAY_LOST, recordOfUnrun } from './ended-record.ts';
import { watchExpiry } from './expiry.ts';
import { forgetResults } from './forget-results.ts';
import { createJobNews } from './job-news.ts';
import type { EndEvent } from './job-state.ts';
import { type LiveJob, newLiveJob } from './live-job.ts';
import type { QueueLimits } from './queue-limits.ts';
import type { QueuedRunPorts, RunLimits, RunOutcome } from './queued-run.ts';
import { createStepWriter } from './step-writer.ts';
import type { SendWebhook } from './webhook-request.ts';
import { deliverWebhooks, webhookEvent } from './webhooks.ts';
import { writeEnd } from './write-end.ts';

export type QueuePorts = {
  store: QueuedJobStore;
  jobs: JobRunner;
  serviceRun: QueuedRunPorts['serviceRun'];
  callRun: QueuedRunPorts['callRun'];
  spent: QueuedRunPorts['spent'];
  table: NodeTable;
  limits: QueueLimits;
  /** How many milliseconds jobs of a key are to wait because its minute is used up. */
  paceMs: (apiKeyId: string) => number;
  /** What of a key may be under way at once. */
  slots: DispatcherPorts['slots'];
  runLimits: Omit<RunLimits, 'resultBytes'>;
  /** Whether each job waits for a person first. */
  supervised: boolean;
  sendWebhook: SendWebhook;
  /** Hears of each job that an earlier relay has left, or that was refused and written all the same. */
  onTakenUp: (job: QueuedJob) => void;
  /** Hears of each job once its end is written down. */
  onFinished: (job: JobRecord) => void;
  /** Hears of each whose end does not count, since another did. */
  onDropped: (jobId: string) => void;
  /** Milliseconds since 1970. */
  now: () => number;
  log: RelayLog;
};

/** Jobs that are done later: each that was accepted ends exactly once, whatever happens to the relay. */
export type JobQueue = {
  /** Errors: those of `Admission.earlier`. */
  earlier(request: Repeatable): Promise<QueuedJob | undefined>;
  /** Resolves when the job is on the disk; its runs belong to `trace`. Errors: those of `Admission.accept`. */
  accept(order: QueuedOrder, input: string, trace?: LiveJob['trace']): Promise<Accepted>;
  /** Lets a job run that waits for approval; false when none does. */
  approve(id: string): Promise<boolean>;
  /** Ends a job for this reason unless it ends by itself first; resolves when it has ended. False when it is not here. */
  giveUp(id: string, reason: Problem): Promise<boolean>;
  /** The same for all jobs of these keys; resolves with how many there were. */
  giveUpAllOf(apiKeyIds: ReadonlySet<string>, reason: Problem): Promise<number>;
  /** Resolves with the end of a job that has not ended yet, once it is written down. Undefined for any other job. */
  whenEnded(id: string): Promise<JobEnding | undefined> | undefined;
  /** Tells of each change of a job once it is written down. Returns how to stop listening. */
  watch(id: string, listener: (change: JobChange) => void): () => void;
  /** The same of every job, for as long as the queue is open. */
  watchAll(listener: (id: string, change: JobChange) => void): void;
  /** What a job waits for; null when it runs, has ended or is not here. */
  whyWaits(id: string): JobWait | null;
  /** Jobs that wait for a node. */
  waiting(): number;
  /** Those of them that the scheduler holds at this moment. */
  asking(): number;
  /** Jobs that have not ended. */
  length(): number;
  /** Those of them that wait for a person. */
  awaitingApproval(): number;
  /** The keys that have jobs waiting or a weight of their own. */
  keys(): { key: string; waiting: number; weight: number }[];
  setWeight(apiKeyId: string, weight: number): Promise<void>;
  /** Word for a webhook was written down elsewhere. */
  wakeWebhooks(): void;
  /** Takes all jobs back from their nodes; they go on with the next relay. */
  close(): Promise<void>;
};

const USUAL_WEIGHT = 1;

function waitOf({ apiKeyId }: LiveJob, isUnapproved: boolean, { paceMs, slots, now }: QueuePorts): JobWait {
  if (isUnapproved) return { for: 'approval', until: null };
  const ms = paceMs(apiKeyId);
  if (ms > 0) return { for: 'tokens_per_minute', until: now() + ms };
  return { for: slots.hasRoom(apiKeyId) ? 'node' : 'max_parallel_requests', until: null };
}

/**
 * Opens the queue and takes up again what an earlier relay has left.
 *
 * Invariants: (1) every job of the store that has not ended is in `live` once it is written down, and has at most one
 * run; (2) the store decides which end of a job counts, and the job leaves `live` when that is written; (3) a job with a
 * `reason` runs no more: its run ends with it, or it ends without one; (4) `heldBytes` are the inputs in `live`.
 */
export async function openJobQueue(ports: QueuePorts): Promise<JobQueue> {
  const { store, table, limits, supervised, now, log } = ports;
  const weights = new Map((await store.listKeyWeights()).map(({ apiKeyId, weight }) => [apiKeyId, weight]));
  const weightOf = (apiKeyId: string): number => weights.get(apiKeyId) ?? USUAL_WEIGHT;
  const live = new Map<string, LiveJob>();
  const news = createJobNews();
  const admission = createAdmission(store, limits);
  const webhooks = deliverWebhooks({ store, send: ports.sendWebhook, now, random: Math.random, log });
  let heldBytes = 0;
  const unapproved = new Set<string>();
  let closed = false;

  const steps = createStepWriter({ store, tell: news.tell, log });
  const move: QueuedRunPorts['move'] = (id, event, what) => {
    const entry = live.get(id);
    if (entry !== undefined) steps.add(entry, { event, move: what });
  };
  const end = async (entry: LiveJob, event: EndEvent, made: JobEnding): Promise<void> => {
    const { job } = entry;
    entry.isEnding = true;
    const ending = { ...made, steps: steps.take(entry) };
    if (job.webhook !== null) ending.event = webhookEvent(job, made.record);
    dispatcher.leave(entry);
    clearTimeout(entry.expiryTimer);
    const changes = await writeEnd(job.id, event, ending, { store, log, isClosed: () => closed });
    if (changes === 'not written') return entry.ended.resolve(undefined);
    live.delete(job.id);
    if (entry.input !== undefined) heldBytes -= job.inputBytes;
    unapproved.delete(job.id);
    admission.remove(job);
    if (job.webhook !== null) webhooks.wake();
    if (changes === undefined) ports.onDropped(job.id);
    else {
      ports.onFinished(ending.record);
      for (const change of changes) news.tell(job.id, change);
    }
    entry.ended.resolve(changes === undefined ? undefined : ending);
  };
  const endUnrun = ({ job, attempts }: LiveJob, problem: Problem) => {
    const isExpired = problem.code === 'job_expired';
    const state = isExpired ? 'expired' : 'cancelled';
    const record = recordOfUnrun(job, attempts, { state, problem, at: now() });
    return { event: isExpired ? 'expire' : 'cancel', ending: { record, result: null } } as const;
  };
  const ended = async (entry: LiveJob, outcome: RunOutcome): Promise<void> => {
    if (outcome.is === 'end') return end(entry, outcome.event, outcome.ending);
    // What counts is bounded; what does not, such as handing the job back, is not to go round without a rest.
    if (countAttempts(outcome.attempts) > countAttempts(entry.attempts)) entry.rests = 0;
    entry.attempts = outcome.attempts;
    if (entry.reason === undefined) return dispatcher.rest(entry);
    const { event, ending } = endUnrun(entry, entry.reason);
    return end(entry, event, ending);
  };
  const dispatcher = createDispatcher({
    table,
    weightOf,
    paceMs: ports.paceMs,
    slots: ports.slots,
    mostRunningBytes: limits.mostRunningBytes,
    run: {
      store,
      jobs: ports.jobs,
      serviceRun: ports.serviceRun,
      callRun: ports.callRun,
      spent: ports.spent,
      limits: { ...ports.runLimits, resultBytes: limits.resultBytes },
      now,
      log,
      move,
    },
    ended,
  });
  const giveUp = async (entry: LiveJob, reason: Problem): Promise<void> => {
    if (entry.reason === undefined && !entry.isEnding) {
      entry.reason = reason;
      const { event, ending } = endUnrun(entry, reason);
      if (entry.caller === undefined) entry.run = end(entry, event, ending);
      else entry.caller.abort(reason);
    }
    await entry.ended.promise;
  };
  const take = (job: QueuedJob, attempts: LiveJob['attempts'], input?: string, trace?: LiveJob['trace']): void => {
    const isHeld = input !== undefined && heldBytes + job.inputBytes <= limits.mostHeldBytes;
    if (isHeld) heldBytes += job.inputBytes;
    const entry = newLiveJob(job, attempts, { input: isHeld ? input : undefined, trace });
    live.set(job.id, entry);
    watchExpiry(entry, now, (problem) => void giveUp(entry, problem));
    if (job.state === 'awaiting_approval') unapproved.add(job.id);
    else dispatcher.lineUp(entry);
  };

  const takeUp = (job: QueuedJob): void => {
    const attempts = attemptsAfterRestart(job.attempts, now());
    const wasOnNode = job.state === 'assigned' || job.state === 'running';
    ports.onTakenUp(job);
    admission.add(job);
    take(job, attempts);
    if (wasOnNode) move(job.id, 'requeue', { at: now(), attempts, problem: RELAY_LOST });
  };

  for (const job of await store.listLiveJobs()) takeUp(job);
  const doubts = settleDoubts({ store, takeUp, most: limits.mostJobs, now, log });
  const stopForgetting = forgetResults({ store, keepMs: limits.keepResultsMs, now, log });

  return {
    earlier: admission.earlier,
    accept: async (order, input, trace) => {
      const state = supervised ? 'awaiting_approval' : 'queued';
      const accepted = await admission.accept(order, input, state).catch((error: unknown) => {
        if (!closed) doubts.note(order.id, error);
        throw error;
      });
      // What is accepted while the relay closes is taken up by the next one.
      if (accepted.isNew && !closed) take(accepted.job, [], input, trace);
      return accepted;
    },
    approve: async (id) => {
      const entry = live.get(id);
      const change = entry && (await store.moveJob(id, 'approve', { at: now() }));
      if (entry === undefined || change === undefined) return false;
      unapproved.delete(id);
      news.tell(id, change);
      if (entry.reason === undefined) dispatcher.lineUp(entry);
      return true;
    },
    giveUp: async (id, reason) => {
      const entry = live.get(id);
      if (entry !== undefined) await giveUp(entry, reason);
      return entry !== undefined;
    },
    giveUpAllOf: async (apiKeyIds, reason) => {
      const left = [...live.values()].filter(({ apiKeyId }) => apiKeyIds.has(apiKeyId));
      await Promise.all(left.map((entry) => giveUp(entry, reason)));
      return left.length;
    },
    whenEnded: (id) => live.get(id)?.ended.promise,
    watch: news.watch,
    watchAll: news.watchAll,
    whyWaits: (id) => {
      const entry = live.get(id);
      if (entry === undefined || entry.caller !== undefined || entry.isEnding) return null;
      return waitOf(entry, unapproved.has(id), ports);
    },
    waiting: () => dispatcher.waiting(),
    asking: dispatcher.asking,
    length: () => live.size,
    awaitingApproval: () => unapproved.size,
    keys: () =>
      [...new Set([...dispatcher.keys(), ...weights.keys()])]
        .sort()
        .map((key) => ({ key, waiting: dispatcher.waiting(key), weight: weightOf(key) })),
    setWeight: async (apiKeyId, weight) => {
      await store.putKeyWeight(apiKeyId, weight);
      weights.set(apiKeyId, weight);
    },
    wakeWebhooks: () => webhooks.wake(),
    close: async () => {
      closed = true;
      stopForgetting();
      doubts.stop();
      dispatcher.close();
      const left = [...live.values()];
      for (const entry of left) {
        dispatcher.leave(entry);
        clearTimeout(entry.expiryTimer);
      }
      await Promise.all(left.map(({ run }) => run));
      steps.flush();
      await webhooks.stop();
    },
  };
}
