const EVERY_MS = 60 * 60_000;

/**
 * Does something at once and then every hour, one time after the other; a failure is told, and it is tried again in an hour.
 * Returns how to stop, which resolves once what was under way has ended: the signal asks it to.
 */
export function repeatHourly(
  run: (signal: AbortSignal) => Promise<void>,
  onFailure: (error: unknown) => void,
): () => Promise<void> {
  const stop = new AbortController();
  const runOnce = async (): Promise<void> => {
    if (!stop.signal.aborted) await run(stop.signal);
  };
  let running = runOnce().catch(onFailure);
  const timer = setInterval(() => {
    running = running.then(runOnce).catch(onFailure);
  }, EVERY_MS).unref();
  return async () => {
    stop.abort();
    clearInterval(timer);
    await running;
  };
}
