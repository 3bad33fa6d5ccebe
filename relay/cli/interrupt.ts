/** How a person or a service manager asks this process to end. */
export type Interruption = {
  /** Resolves with the signal that asks. */
  readonly asked: Promise<NodeJS.Signals>;
  /** Aborted when it is asked again: this process ends in the same turn, and what would outlive it must be ended now. */
  readonly insisted: AbortSignal;
};

export function listenForInterruption(): Interruption {
  const insisting = new AbortController();
  const asked = new Promise<NodeJS.Signals>((resolve) => {
    let isAsked = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (isAsked) {
        insisting.abort();
        process.exit(130);
      }
      isAsked = true;
      resolve(signal);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    process.on('SIGHUP', onSignal);
    // A parent that started us with a channel and died cannot signal any more.
    if (process.send !== undefined) process.once('disconnect', () => onSignal('SIGTERM'));
  });
  return { asked, insisted: insisting.signal };
}

/** For commands that leave nothing behind however they end. */
export function untilInterrupted(): Promise<NodeJS.Signals> {
  return listenForInterruption().asked;
}
