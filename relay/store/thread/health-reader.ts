import { toProblem } from '../../../shared/problems/problem.ts';
import type { StoreHealth } from '../store.ts';

/** Well below the ten seconds after which load balancers and Kubernetes take no answer for a hung relay. */
const SILENCE_MS = 3_000;

/**
 * Gives the function that says whether a database takes writes. Never rejects.
 *
 * 1. Health is asked by anyone, and each probe costs a write: those who ask while one is under way share it.
 * 2. A probe that is not back after `silenceMs` is waited for by nobody any more, and no other is made until it is: a
 *    server or a disk that stands still is no place to pile up writes.
 */
export function createHealthReader(
  probe: () => Promise<unknown>,
  silenceMs: number = SILENCE_MS,
): () => Promise<StoreHealth> {
  let underWay: Promise<StoreHealth> | undefined;
  return () => {
    underWay ??= unlessSilent(
      probe().then((): StoreHealth => ({ writable: true }), refused),
      silenceMs,
      () => {
        underWay = undefined;
      },
    );
    return underWay;
  };
}

function unlessSilent(answer: Promise<StoreHealth>, silenceMs: number, answered: () => void): Promise<StoreHealth> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(silent(silenceMs)), silenceMs);
    void answer.then((health) => {
      clearTimeout(timer);
      answered();
      resolve(health);
    });
  });
}

function silent(ms: number): StoreHealth {
  const reason =
    `The relay's database has not answered for ${ms / 1_000} s. ` +
    'Look at its server or its disk; a running relay goes on by itself.';
  return { writable: false, reason };
}

function refused(error: unknown): StoreHealth {
  return { writable: false, reason: toProblem(error, 'storage_failed').message };
}
