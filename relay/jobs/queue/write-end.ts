import type { RelayLog } from '../../log.ts';
import type { JobChange, JobEnding, QueuedJob, QueuedJobStore } from '../../store/queued-job-store.ts';
import { type EndEvent, hasEnded, step } from './job-state.ts';

export type WriteEndPorts = { store: QueuedJobStore; log: RelayLog; isClosed: () => boolean };

const RETRY_MS = 1_000;

/**
 * Writes the end of a job, again and again while the disk refuses, since the work is done. Resolves with the
 * changes, also of an end that was written when the storage could not say so; with undefined when another end counted, and `not written` when the relay closes before it could be: the job is then
 * run again by the next one.
 */
export async function writeEnd(
  id: string,
  event: EndEvent,
  ending: JobEnding,
  { store, log, isClosed }: WriteEndPorts,
): Promise<readonly JobChange[] | undefined | 'not written'> {
  while (true) {
    try {
      const changes = await store.endJob(id, event, ending);
      if (changes !== undefined) return changes;
      const stored = await store.findQueuedJob(id);
      if (stored === undefined || hasEnded(stored.state))
        return isSame(stored, event, ending) ? stored.changes : undefined;
      // The step to its node was refused by the disk: it is made up for.
      const attempt = ending.record.attempts.at(-1);
      const made = await store.moveJob(id, 'assign', {
        at: attempt?.startedAt ?? ending.record.finishedAt,
        ...(attempt === undefined ? {} : { nodeId: attempt.nodeId, attempt: attempt.attempt }),
      });
      if (made === undefined) throw new Error(`${event} does not follow ${stored.state}`);
    } catch (error) {
      log.error({ job: id, err: error }, 'the end of a job could not be recorded');
      if (isClosed()) return 'not written';
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

function isSame(stored: QueuedJob | undefined, event: EndEvent, { record }: JobEnding): stored is QueuedJob {
  return stored?.state === step('running', event) && stored.finishedAt === record.finishedAt;
}
