import type { JobCounts } from '../../shared/api/job-counts.ts';
import type { AdminStats } from '../../shared/api/stats.ts';
import type { DiskUsage } from '../data-folder/disk-usage.ts';
import type { ModelCatalog } from '../fabric/documents/model-catalog.ts';
import type { NodeDirectory } from '../fabric/nodes/node-directory.ts';
import type { JobQueue } from '../jobs/queue/job-queue.ts';
import type { Store, StoreHealth } from '../store/store.ts';
import type { Approvals } from '../tasks/approvals.ts';
import { troublesOf } from '../troubles.ts';
import type { Activity } from './activity.ts';

export type StatsPorts = {
  version: string;
  busConnected(): boolean;
  directory: Pick<NodeDirectory, 'count'>;
  models: Pick<ModelCatalog, 'list'>;
  countJobs(): JobCounts;
  queue: Pick<JobQueue, 'awaitingApproval'>;
  approvals: Pick<Approvals, 'list'> | undefined;
  store: { jobs: Pick<Store['jobs'], 'countJobsByState'> };
  storageHealth(): Promise<StoreHealth>;
  activity: Activity;
  diskUsage(): Promise<DiskUsage>;
  /** Milliseconds since 1970. */
  now: () => number;
};

/** Asking the disk whether it can be written costs a write, and it fills slowly. */
const STORAGE_EVERY_MS = 10_000;

type StorageState = { health: StoreHealth; usage: DiskUsage };

/** Gives the function that reads the relay's numbers; what its disk says may be ten seconds old. */
export function createStatsReader(ports: StatsPorts): () => Promise<AdminStats> {
  const { store, activity, now } = ports;
  const since = now();
  const readStorage = renewedEvery(STORAGE_EVERY_MS, now, async (): Promise<StorageState> => {
    const [health, usage] = await Promise.all([ports.storageHealth(), ports.diskUsage()]);
    return { health, usage };
  });
  return async () => {
    const [{ health, usage }, finished] = await Promise.all([readStorage(), store.jobs.countJobsByState()]);
    return {
      at: now(),
      since,
      version: ports.version,
      health: healthOf(ports.busConnected(), health),
      ...nodesOf(ports.directory),
      models: ports.models.list().length,
      jobs: {
        ...ports.countJobs(),
        finished,
      },
      approvals: ports.queue.awaitingApproval() + (ports.approvals?.list().length ?? 0),
      last_minute: activity.lastMinute(now()),
      problems: activity.problems(),
      storage: { writable: health.writable, database_bytes: usage.databaseBytes, free_bytes: usage.freeBytes },
    };
  };
}

function healthOf(isBusConnected: boolean, storage: StoreHealth): AdminStats['health'] {
  const reasons = troublesOf(isBusConnected, storage);
  return { status: reasons.length === 0 ? 'ok' : 'degraded', reasons };
}

function nodesOf(directory: StatsPorts['directory']): Pick<AdminStats, 'nodes' | 'slots'> {
  const { slots, ...nodes } = directory.count();
  return { nodes, slots: { total: slots.total, used: slots.used } };
}

/** What was read last, until it is too old; those who ask at once share a reading. */
function renewedEvery<Value>(ms: number, now: () => number, read: () => Promise<Value>): () => Promise<Value> {
  let reading: Promise<Value> | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (reading === undefined || now() - readAt >= ms) {
      readAt = now();
      reading = read();
      reading.catch(() => {
        reading = undefined;
      });
    }
    return reading;
  };
}
