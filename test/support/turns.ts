/** Counts the turns of the event loop from now on, until it is stopped. */
export function countTurns(): { now(): number; stop(): void } {
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  return {
    now: () => turns,
    stop: () => {
      isOver = true;
    },
  };
}
