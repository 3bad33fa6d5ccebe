import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Problem } from '../../../shared/problems/problem.ts';
import { isSilent, toStoreError } from './storage-problems.ts';

/** Tells of a server that takes connections and says nothing, as one that hangs or lies behind a broken line does. */
export type Silence = {
  /** Errors: what `met` was called with, until the server says something. */
  assertNone(): void;
  /** Returns whether nobody had met it before. */
  met(problem: Problem): boolean;
  close(): void;
};

const ASK_EVERY_MS = 250;
const ANSWER_WITHIN_MS = 3_000;

/**
 * 1. From a silence that was met until the server says something, be it a refusal, calls are refused at once: each would wait as
 *    long as the first, one after the other, and so would whoever ends the relay.
 * 2. Meanwhile one line at a time asks the server, beside those of the relay, and none does once it is closed.
 */
export function createSilence(connectionString: string): Silence {
  let reason: Problem | undefined;
  let isClosed = false;
  const listen = async (): Promise<void> => {
    while (!isClosed && (await isStillSilent(connectionString))) await sleep(ASK_EVERY_MS, undefined, { ref: false });
    reason = undefined;
  };
  return {
    assertNone: () => {
      if (reason !== undefined) throw reason;
    },
    met: (problem) => {
      if (reason !== undefined || isClosed) return false;
      reason = problem;
      void listen();
      return true;
    },
    close: () => {
      isClosed = true;
    },
  };
}

async function isStillSilent(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: ANSWER_WITHIN_MS });
  client.on('error', () => undefined);
  try {
    await client.connect();
    // Nobody waits for it: it may fall silent again.
    void client.end();
    return false;
  } catch (error) {
    return isSilent(toStoreError(error, ''));
  }
}
