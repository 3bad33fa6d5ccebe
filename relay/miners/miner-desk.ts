import { createFrameWriter } from '../../shared/agent/frame-writer.ts';
import type { JobRunner } from '../../shared/agent/job-runner.ts';
import type { Slots } from '../../shared/agent/slots.ts';
import type { AttemptNamed, MinerJob, MinerWork } from '../../shared/api/miners.ts';
import { OPERATOR_CLIENT } from '../../shared/policy/decide.ts';
import type { OwnerPolicy } from '../../shared/policy/owner-policy.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { LIMITS } from '../../shared/protocol/limits.ts';
import type { JobRequest } from '../../shared/protocol/messages.ts';
import { formatTraceparent } from '../../shared/tracing/trace-context.ts';
import { type Errand, nameOf } from './errand.ts';

/** The jobs of one miner: those that wait to be fetched, and those it has. */
export type MinerDesk = JobRunner & {
  /** The next job, at once or as soon as one comes; undefined when none came in time or the signal ended the wait. */
  poll(waitMs: number, signal: AbortSignal): Promise<MinerWork | undefined>;
  /** The attempts that were cancelled lately. */
  cancelled(): AttemptNamed[];
  /** The attempt that a miner speaks of. Errors: `stale_epoch`, `attempt_over`; both are counted. */
  errandOf(name: AttemptNamed): Errand;
  /** The attempt has ended, and its last frame was written. */
  settle(errand: Errand): void;
  /** The answer to the poll that fetched this job did not leave: another node takes it. */
  giveBack(name: AttemptNamed): void;
  /** Refuses the jobs that were not fetched yet. */
  turnAway(): void;
  /** Answers every poll that is held, with nothing. */
  endPolls(): void;
};

export type MinerDeskPorts = {
  slots: Slots;
  policy: OwnerPolicy;
  /** The epoch of the open session, or 0 while there is none. */
  epoch: () => number;
  now: () => number;
  /** What one message of the bus may hold. */
  mostMessageBytes: () => number;
  /** A word about an attempt that is over. */
  onLate(): void;
  /** The miner did not fetch a job, or broke a poll off, and holds no other: nobody may be there. */
  onAbsent(): void;
  /** The last job has ended. */
  onIdle(): void;
};

/**
 * A miner that has a thread to spare polls all the time: a job that is not fetched within this goes elsewhere, before
 * the relay itself would give the node up (`acceptTimeoutMs`).
 */
export const FETCH_WITHIN_MS = LIMITS.acceptTimeoutMs * 0.75;
/** A cancelled attempt is told for so long, since an answer that tells it can be lost. */
const TELL_CANCELLED_MS = 2 * LIMITS.leaseMs;
/** A miner holds one poll for each of its threads; the oldest of more has been left behind by its program. */
const MOST_POLLS = 256;
/** A timer asked to wait longer would not wait at all. */
const TIMER_MOST_MS = 2 ** 31 - 1;

type Poll = { answer(work: MinerWork | undefined): void };

/**
 * Holds what the relay asks of a miner until the miner fetches it, and what it has fetched until it answers.
 *
 * Invariants: (1) a job is accepted exactly when a poll has fetched it, and each is fetched once; (2) it is here from
 * the request to its last frame, and holds a slot meanwhile; (3) a poll is answered once: by a job, a cancel it has not
 * told yet, its time or its end; (4) after the last frame every word about the attempt is refused.
 */
export function createMinerDesk(ports: MinerDeskPorts): MinerDesk {
  const { slots, policy, now } = ports;
  const errands = new Map<string, Errand>();
  const waiting: Errand[] = [];
  const polls: Poll[] = [];
  const withdrawn = new Map<string, { name: AttemptNamed; until: number; isTold: boolean }>();

  const lookIfAbsent = (): void => {
    if (polls.length === 0) ports.onAbsent();
  };
  const forget = (errand: Errand): void => {
    clearTimeout(errand.timer);
    if (errands.get(errand.request.job) !== errand) return;
    errands.delete(errand.request.job);
    const at = waiting.indexOf(errand);
    if (at >= 0) waiting.splice(at, 1);
    errand.release();
    if (errands.size === 0) ports.onIdle();
  };
  const end = (errand: Errand, problem: Problem): void => {
    errand.frames.fail(problem);
    const wasFetched = errand.fetchedAt !== null;
    forget(errand);
    if (wasFetched) withdraw(errand.request);
  };
  const withdraw = (request: JobRequest): void => {
    withdrawn.set(request.job, { name: nameOf(request), until: now() + TELL_CANCELLED_MS, isTold: false });
    polls.shift()?.answer(work(null));
  };
  const listWithdrawn = (): AttemptNamed[] => {
    for (const [job, { until }] of withdrawn) if (until <= now()) withdrawn.delete(job);
    return Array.from(withdrawn.values(), (entry) => {
      entry.isTold = true;
      return entry.name;
    });
  };
  const work = (request: MinerJob | null): MinerWork => ({ request, cancel: listWithdrawn() });

  const fetch = (): MinerWork | undefined => {
    const errand = waiting.shift();
    if (errand === undefined) return undefined;
    const { request, trace } = errand;
    clearTimeout(errand.timer);
    errand.fetchedAt = now();
    errand.frames.accept();
    const ms = Math.min(request.timeoutMs, TIMER_MOST_MS);
    errand.timer = setTimeout(() => end(errand, tooLong(request)), ms);
    const job = policy.limited(request);
    return work(trace === undefined ? job : { ...job, traceparent: formatTraceparent(trace) });
  };
  const put = (errand: Errand): void => {
    errands.set(errand.request.job, errand);
    waiting.push(errand);
    errand.timer = setTimeout(() => {
      end(errand, new Problem('node_busy', `The miner fetched no job within ${FETCH_WITHIN_MS} ms.`));
      lookIfAbsent();
    }, FETCH_WITHIN_MS);
    const poll = polls.shift();
    if (poll !== undefined) poll.answer(fetch());
  };
  const endAll = (problem: Problem | undefined): void => {
    for (const errand of [...errands.values()]) {
      if (problem !== undefined) end(errand, problem);
      else {
        errand.frames.abandon();
        forget(errand);
      }
    }
  };

  return {
    handle: (request, send, trace) => {
      const stream = request.type === 'llm' && request.stream;
      const frames = createFrameWriter({ epoch: request.epoch, stream, send, now });
      const client = request.client ?? OPERATOR_CLIENT;
      const running = [...errands.values()].filter((errand) => errand.client === client).length;
      const refusal = refusalOf(request, ports.epoch(), errands) ?? policy.refusalOf(request, running);
      const release = refusal === undefined ? slots.tryTake() : undefined;
      if (release === undefined) {
        frames.fail(refusal ?? new Problem('node_busy', `All ${slots.total} slots of this node are taken.`));
        return;
      }
      put({
        ...{ request, trace, frames, client, release },
        ...{
          mostBytes: ports.mostMessageBytes() / 2,
          fetchedAt: null,
          firstTextAt: null,
          pieces: 0,
          tokens: 0,
          bytes: 0,
          timer: undefined,
        },
      });
    },
    cancel: (name) => {
      const errand = errands.get(name.job);
      if (errand === undefined || !isNamed(errand, name)) return;
      end(errand, new Problem('cancelled', 'The relay cancelled the job.'));
    },
    abandonAll: () => endAll(undefined),
    stopAll: endAll,
    running: () => errands.size,
    poll: (waitMs, signal) => {
      const now = fetch() ?? ([...withdrawn.values()].some(({ isTold }) => !isTold) ? work(null) : undefined);
      if (now !== undefined || waitMs === 0) return Promise.resolve(now);
      return wait(polls, waitMs, signal, lookIfAbsent);
    },
    cancelled: listWithdrawn,
    errandOf: (name) => {
      const errand = errands.get(name.job);
      if (errand !== undefined && errand.fetchedAt !== null && isNamed(errand, name)) return errand;
      ports.onLate();
      throw late(name, ports.epoch());
    },
    settle: forget,
    giveBack: (name) => {
      const errand = errands.get(name.job);
      if (errand === undefined || !isNamed(errand, name)) return;
      errand.frames.fail(new Problem('node_busy', 'The miner was gone before it had the job.'));
      forget(errand);
      lookIfAbsent();
    },
    turnAway: () => {
      for (const errand of [...waiting]) end(errand, new Problem('node_busy', 'The miner takes no more jobs.'));
    },
    endPolls: () => {
      for (const poll of [...polls]) poll.answer(undefined);
    },
  };
}

function wait(
  polls: Poll[],
  waitMs: number,
  signal: AbortSignal,
  onBroken: () => void,
): Promise<MinerWork | undefined> {
  return new Promise((resolve) => {
    const poll: Poll = {
      answer: (work) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        const at = polls.indexOf(poll);
        if (at >= 0) polls.splice(at, 1);
        resolve(work);
      },
    };
    const onAbort = (): void => {
      poll.answer(undefined);
      onBroken();
    };
    const timer = setTimeout(() => poll.answer(undefined), waitMs);
    if (polls.length >= MOST_POLLS) polls[0]?.answer(undefined);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    polls.push(poll);
  });
}

/** What HTTP miners have no words for is left to other nodes. */
function refusalOf(request: JobRequest, epoch: number, errands: ReadonlyMap<string, Errand>): Problem | undefined {
  if (request.epoch !== epoch) {
    return new Problem('stale_epoch', `The request is of epoch ${request.epoch}, the session of ${epoch}.`);
  }
  if (errands.has(request.job)) return new Problem('node_busy', `Job ${request.job} still runs on this node.`);
  if (request.type !== 'llm') return undefined;
  const { choices = 1, topLogprobs, raw } = request.input;
  if (choices === 1 && topLogprobs === undefined && raw === undefined) return undefined;
  const sentence = 'This node answers conversations, one answer at a time, without the probabilities of tokens.';
  return new Problem('policy_refused', sentence);
}

function isNamed({ request }: Errand, { job, attempt, epoch }: AttemptNamed): boolean {
  return request.job === job && request.attempt === attempt && request.epoch === epoch;
}

function tooLong({ timeoutMs }: JobRequest): Problem {
  return new Problem('job_timeout', `The job did not end within ${timeoutMs} ms.`);
}

function late(name: AttemptNamed, epoch: number): Problem {
  if (name.epoch === epoch) {
    return new Problem('attempt_over', `Attempt ${name.attempt} at ${name.job} is over. Drop it and poll for another.`);
  }
  return new Problem('stale_epoch', `The word is of epoch ${name.epoch}, the session of ${epoch}. Drop it and poll.`);
}
