import { type Problem, toProblem } from '../problems/problem.ts';
import type { NodeCredentials } from './enroll.ts';
import { createRetryWait } from './retry-wait.ts';
import type { TroubleLog } from './trouble-log.ts';

/** Asks the relay for credentials. */
export type Admit = (signal: AbortSignal) => Promise<NodeCredentials>;

/** Keeps one connection to its end; calls back whenever the relay opens a session on it. */
export type RunSession = (credentials: NodeCredentials, onOpen: () => void) => Promise<void>;

/**
 * Asks for credentials and keeps sessions, one after the other: a relay that cannot be reached is tried for ever. Resolves with
 * the problem of a relay that refuses the node, and with undefined when it is stopped.
 */
export async function runUntilStopped(
  { random = Math.random, troubles }: { random?: (() => number) | undefined; troubles: TroubleLog },
  admit: Admit,
  signal: AbortSignal,
  runSession: RunSession,
): Promise<Problem | undefined> {
  const wait = createRetryWait(random);
  while (!signal.aborted) {
    let problem: Problem | undefined;
    try {
      const credentials = await admit(signal);
      // Only a session is a reason to hope: a relay may let a node enrol and have no bus for it.
      await runSession(credentials, () => {
        wait.reset();
        troubles.reset();
      });
    } catch (error) {
      problem = toProblem(error, 'relay_unreachable');
      if (signal.aborted) return undefined;
      if (problem.retry === 'never') return problem;
    }
    const waitMs = wait.next(problem);
    if (problem !== undefined) troubles.failed(problem, waitMs);
    await pause(waitMs, signal);
  }
  return undefined;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
