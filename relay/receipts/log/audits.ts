import type { AuditReport } from './audit-log.ts';

/**
 * Audits for whoever asks. Invariants: (1) one runs at a time; (2) those who ask while one runs share the next: the one that
 * runs may have gone past what they ask about.
 */
export function createAudits(audit: () => Promise<AuditReport>): () => Promise<AuditReport> {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<AuditReport> | undefined;
  return () => {
    next ??= running.then(() => {
      next = undefined;
      const report = audit();
      running = report.catch(() => undefined);
      return report;
    });
    return next;
  };
}
