import { randomBytes } from 'node:crypto';
import { watchClock } from '../clock-watch.ts';
import { forgetJobs } from '../jobs/forget-jobs.ts';
import { QUEUE_LIMITS } from '../jobs/queue/queue-limits.ts';
import { createLiveFeed } from '../live/live-feed.ts';
import { createNodeChanges } from '../live/node-changes.ts';
import { createStatsReader } from '../live/read-stats.ts';
import { foldUsage } from '../store/fold-usage.ts';
import { giveBackRoom } from '../store/give-back-room.ts';
import { VERSION } from '../version.ts';
import type { OpenNodes } from './open-nodes.ts';
import type { OpenWork } from './open-work.ts';
import type { ServicesOptions } from './services-options.ts';

/** A page of a thousand nodes is more than an operator watches; all are in the numbers. */
const NODES_WATCHED = 1_000;

/** What operators see, and what is let go of with time. */
export function openWatch(options: ServicesOptions, nodes: OpenNodes, work: OpenWork) {
  const { log, store, register, fabric } = options;
  const { table, directory, models } = nodes;
  const { countJobs, queue, approvals, activity, receiptLog, storageHealth } = work;
  const readStats = createStatsReader({
    ...{ version: VERSION, busConnected: fabric.bus.isConnected, diskUsage: options.diskUsage, now: Date.now },
    ...{ directory, models, countJobs, queue, approvals, store, storageHealth, activity },
  });
  const changes = createNodeChanges({ register, table, directory, most: NODES_WATCHED });
  const run = randomBytes(9).toString('base64url');
  const liveFeed = createLiveFeed({ nodes: changes, readStats, run, log });
  queue.watchAll(liveFeed.jobChanged);
  const lastSignedAt = receiptLog.lastHead()?.signedAt;
  const stops: (() => unknown)[] = [
    foldUsage({ store: store.usage, now: Date.now, log }),
    forgetOldJobs(options),
    giveBackRoom({ store, log }),
    watchClock({ now: Date.now, lastSignedAt, log }),
  ];
  const close = async (): Promise<void> => {
    liveFeed.close();
    for (const stop of stops) await stop();
  };
  return { watch: { readStats, liveFeed }, close };
}

/** A record outlives the result that is fetched by it. */
function forgetOldJobs({ keepJobsMs, store, log, queueLimits }: ServicesOptions): () => Promise<void> {
  if (keepJobsMs === undefined) return async () => undefined;
  const { keepResultsMs } = { ...QUEUE_LIMITS, ...queueLimits };
  const keepMs = Math.max(keepJobsMs, 2 * keepResultsMs);
  return forgetJobs({ store: store.jobs, keepMs, now: Date.now, log });
}
