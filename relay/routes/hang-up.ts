import type { ServerResponse } from 'node:http';
import { Problem } from '../../shared/problems/problem.ts';

/** A signal that fires when the client goes away before its answer is complete. `stop` must be called in the end. */
export function abortOnHangUp(response: ServerResponse): {
  signal: AbortSignal;
  abort(reason: Problem): void;
  stop(): void;
} {
  const controller = new AbortController();
  const onClose = (): void => {
    if (!response.writableFinished) controller.abort(new Problem('cancelled', 'The client hung up.'));
  };
  response.once('close', onClose);
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    stop: () => response.removeListener('close', onClose),
  };
}
