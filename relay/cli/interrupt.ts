/** Resolves with the signal that asks this process to end. A second one ends it at once. */
export function untilInterrupted(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (asked) process.exit(130);
      asked = true;
      resolve(signal);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    process.on('SIGHUP', onSignal);
    // A parent that started us with a channel and died cannot signal any more.
    if (process.send !== undefined) process.once('disconnect', () => onSignal('SIGTERM'));
  });
}
