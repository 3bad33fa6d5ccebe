import { toProblem } from '../problems/problem.ts';
import type { NodeCredentials } from './enroll.ts';
import type { AgentLog } from './log.ts';
import { lifetimeOf } from './relay-clock.ts';
import type { Slots } from './slots.ts';

export type RenewalPorts = {
  admit(signal: AbortSignal): Promise<NodeCredentials>;
  slots: Slots;
  /** There are new credentials, and no job would be lost by a reconnect. */
  onRenewed(): void;
  now: () => number;
  log: AgentLog;
};

/** Credentials are asked for again when this part of their life is over. */
const RENEW_AFTER_FRACTION = 2 / 3;
const RENEW_WAIT_LEAST_MS = 1_000;
const IDLE_POLL_MS = 250;
/** The longest a timer can wait. */
const TIMER_MOST_MS = 2 ** 31 - 1;

export type Renewal = {
  current(): NodeCredentials;
  /** Renews them now: nobody knows how much of their life is left. */
  hurry(): void;
  stop(): void;
};

/**
 * Renews credentials until it is stopped; while that fails it is tried more and more often until they expire.
 *
 * The server ends a connection when the credentials that opened it expire, whatever runs on it. So the node reconnects
 * by itself before that, in the first moment without a job. What is left of their life is counted by the timers, since the
 * clock on the wall may be set, and may be another than the relay's.
 */
export function keepRenewing(first: NodeCredentials, ports: RenewalPorts, signal: AbortSignal): Renewal {
  const stopped = new AbortController();
  let current = first;
  let leftMs = lifetimeOf(first, ports.now());
  let isAsking = false;
  let timer: ReturnType<typeof setTimeout>;
  let idleTimer: ReturnType<typeof setTimeout> | undefined;
  const stop = (): void => {
    stopped.abort();
    clearTimeout(timer);
    clearTimeout(idleTimer);
  };
  const plan = (): void => {
    const waitMs = Math.min(Math.max(leftMs * RENEW_AFTER_FRACTION, RENEW_WAIT_LEAST_MS), TIMER_MOST_MS);
    timer = setTimeout(() => {
      leftMs -= waitMs;
      void renew();
    }, waitMs);
  };
  const reconnectWhenIdle = (): void => {
    clearTimeout(idleTimer);
    if (ports.slots.used() === 0) ports.onRenewed();
    else idleTimer = setTimeout(reconnectWhenIdle, IDLE_POLL_MS);
  };
  const renew = async (): Promise<void> => {
    isAsking = true;
    try {
      current = await ports.admit(stopped.signal);
      leftMs = lifetimeOf(current, ports.now());
      if (!stopped.signal.aborted) reconnectWhenIdle();
    } catch (error) {
      if (stopped.signal.aborted) return;
      ports.log.warn({ reason: toProblem(error).message }, 'the credentials could not be renewed yet');
    } finally {
      isAsking = false;
    }
    if (!stopped.signal.aborted) plan();
  };
  const hurry = (): void => {
    if (isAsking || stopped.signal.aborted) return;
    clearTimeout(timer);
    void renew();
  };
  signal.addEventListener('abort', stop, { once: true, signal: stopped.signal });
  plan();
  return { current: () => current, hurry, stop };
}
