import type { ServerResponse } from 'node:http';
import { Problem } from '../../../shared/problems/problem.ts';
import { InFlight } from '../../in-flight.ts';
import type { RelayApp } from '../../services.ts';

export type HangUp = {
  /** Is aborted when nobody waits for the answer any more, with a `Problem` as the reason. */
  readonly controller: AbortController;
  /** Must be called once the answer is made. */
  stop(): void;
};

/** How long answers under way may take to say that they end here. A relay must be gone within two seconds. */
const FAREWELL_MS = 1_000;

/**
 * Watches the clients of one route's answers.
 *
 * Invariants: (1) a client that goes away before its answer is complete fires its signal, also one that had gone
 * before it was watched; (2) when the relay closes, every answer under way hears of it and has `FAREWELL_MS` to leave
 * by its own door, before its connection is cut.
 */
export function watchHangUps(app: RelayApp): (response: ServerResponse) => HangUp {
  const open = new InFlight<AbortController>();
  let onLastGone: (() => void) | undefined;
  app.addHook('preClose', async () => {
    for (const controller of open) controller.abort(relayCloses());
    if (open.size > 0) await within(FAREWELL_MS, (done) => (onLastGone = done));
  });
  return (response) => {
    const controller = new AbortController();
    const ticket = open.add(controller);
    let watching = true;
    const onClose = (): void => {
      open.remove(ticket, controller);
      if (open.size === 0) onLastGone?.();
      if (watching && !response.writableFinished) controller.abort(new Problem('cancelled', 'The client hung up.'));
    };
    if (response.destroyed) onClose();
    else response.once('close', onClose);
    return {
      controller,
      stop: () => {
        watching = false;
      },
    };
  };
}

/** What an answer that is under way, and a request that comes too late, are told. */
export function relayCloses(): Problem {
  return new Problem('draining', 'The relay is shutting down. Try again in a moment.', { retryAfterMs: 1_000 });
}

function within(ms: number, start: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    start(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
