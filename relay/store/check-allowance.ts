/** To verify a signature takes as long as a third of a job: under load jobs go first, and readers judge for themselves. */
const MOST_CHECKS_PER_S = 250;

export function createCheckAllowance(now: () => number): () => boolean {
  let [since, checks] = [now(), 0];
  return () => {
    if (now() - since >= 1_000) [since, checks] = [now(), 0];
    checks += 1;
    return checks <= MOST_CHECKS_PER_S;
  };
}
