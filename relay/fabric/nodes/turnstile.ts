/** Lets so many in at a time, and the others in the order in which they came. */
export function createTurnstile(most: number): <Result>(run: () => Promise<Result>) => Promise<Result> {
  const waiting = new Set<() => void>();
  let inside = 0;
  return async (run) => {
    if (inside < most) inside += 1;
    else await new Promise<void>((enter) => waiting.add(enter));
    try {
      return await run();
    } finally {
      // Whoever is next takes this one's place.
      const [next] = waiting;
      if (next === undefined) inside -= 1;
      else {
        waiting.delete(next);
        next();
      }
    }
  };
}
