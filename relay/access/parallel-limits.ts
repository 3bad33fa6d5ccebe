import type { EventEmitter } from 'node:events';
import { Problem } from '../../shared/problems/problem.ts';

/** What of its slots a key has taken; `running` may be more than a limit that was lowered. */
export type ParallelStanding = { readonly limit: number; readonly running: number };

/** Counts what keys with a limit of requests at once have under way; others are not its business. */
export type ParallelLimits = {
  /** Learns how much a key may have under way, null for any number; what runs already goes on. */
  fit(keyId: string, limit: number | null): void;
  /**
   * Takes a slot for a request until its answer is over, however it ends; none for one that has its slot already, or whose key
   * has no limit. Throws `parallel_limit_exceeded`.
   */
  enter(keyId: string, answer: Answer): void;
  /** Whether work that may wait is to begin. */
  hasRoom(keyId: string): boolean;
  /**
   * Takes a slot for work that was let in, also where there is none left; that of the request which brought it, if that has one.
   * Returns how to give it back, once.
   */
  begin(keyId: string, answer?: Answer): () => void;
  standing(keyId: string): ParallelStanding | undefined;
  /** Calls it whenever a key may have room that had none. */
  onRoom(listener: () => void): void;
};

type Answer = Pick<EventEmitter, 'once'> & { readonly closed: boolean };

/** When one of its requests ends nobody knows; a client that comes back this late does not load the relay. */
const RETRY_AFTER_MS = 1_000;

/**
 * Invariants: (1) `running` of a key is the number of its slots that were taken and not given back; (2) a slot is given back once,
 * whoever says so how often; (3) what has no slot taken and no limit is not remembered; (4) whoever comes is judged by the limit of
 * now, since the body of a request can take minutes.
 */
export function createParallelLimits(): ParallelLimits {
  const limits = new Map<string, number>();
  const running = new Map<string, number>();
  /** How to give back the slots of requests that have one of their own. */
  const entered = new WeakMap<Answer, () => void>();
  const listeners: (() => void)[] = [];

  const runningOf = (keyId: string): number => running.get(keyId) ?? 0;
  const hasRoom = (keyId: string): boolean => runningOf(keyId) < (limits.get(keyId) ?? Number.POSITIVE_INFINITY);
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  const take = (keyId: string): (() => void) => {
    running.set(keyId, runningOf(keyId) + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const hadRoom = hasRoom(keyId);
      const left = runningOf(keyId) - 1;
      if (left === 0) running.delete(keyId);
      else running.set(keyId, left);
      if (!hadRoom && hasRoom(keyId)) tell();
    };
  };
  return {
    fit: (keyId, limit) => {
      const hadRoom = hasRoom(keyId);
      if (limit === null) limits.delete(keyId);
      else limits.set(keyId, limit);
      if (!hadRoom && hasRoom(keyId)) tell();
    },
    enter: (keyId, answer) => {
      const limit = limits.get(keyId);
      // Whose answer is over already has nobody to wait for it: its work ends by that.
      if (limit === undefined || entered.has(answer) || answer.closed) return;
      if (runningOf(keyId) >= limit) throw exceeded(limit);
      entered.set(answer, take(keyId));
      answer.once('close', () => entered.get(answer)?.());
    },
    hasRoom,
    begin: (keyId, answer) => {
      const own = answer && entered.get(answer);
      if (answer === undefined || own === undefined) return take(keyId);
      // What the request brings besides takes a slot of its own.
      entered.delete(answer);
      return own;
    },
    standing: (keyId) => {
      const limit = limits.get(keyId);
      return limit === undefined ? undefined : { limit, running: runningOf(keyId) };
    },
    onRoom: (listener) => void listeners.push(listener),
  };
}

function exceeded(limit: number): Problem {
  const sentence = `This key may have ${limit} requests under way at once, and has. Wait for one of them to end.`;
  return new Problem('parallel_limit_exceeded', sentence, { retryAfterMs: RETRY_AFTER_MS });
}
