/**
 * A clock that goes on when the one it reads is set back, as a machine does with its own after a start or a sleep; in
 * milliseconds. By it times are measured that would else stand still until the other has caught up, and none are told.
 */
export function createSteadyClock(now: () => number): () => number {
  let last = Number.NEGATIVE_INFINITY;
  let setBackMs = 0;
  return () => {
    const at = now();
    if (at < last) setBackMs += last - at;
    last = at;
    return at + setBackMs;
  };
}
