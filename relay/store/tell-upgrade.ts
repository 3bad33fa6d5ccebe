import type { RelayLog } from '../log.ts';

/** What is about to be done to a database that an older Sparewatt has left. */
export type PendingUpgrade = { steps: number; sizeBytes: number };

/**
 * Says that a database is now brought up to date, which takes minutes for millions of jobs, so that nobody takes the silence for a
 * relay that hangs. Returns how to say that it is done.
 */
export function tellUpgrade(
  { steps, sizeBytes }: PendingUpgrade,
  where: { file: string } | { database: string },
  log: Pick<RelayLog, 'info'>,
): () => void {
  const startedAt = performance.now();
  log.info(
    { ...where, steps, sizeBytes },
    'the database is brought up to date: a minute for some millions of jobs, and until then as much free disk as it is large. ' +
      'Whatever interrupts this leaves it as it was',
  );
  return () => log.info({ steps, tookMs: Math.round(performance.now() - startedAt) }, 'the database is up to date');
}
