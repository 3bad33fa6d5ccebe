import type { AdminStats } from '../../shared/api/stats.ts';
import type { DiskUsage } from '../data-folder/disk-usage.ts';
import type { ModelCatalog } from '../fabric/model-catalog.ts';
import type { NodeDirectory } from '../fabric/node-directory.ts';
import type { JobQueue } from '../jobs/queue/job-queue.ts';
import type { JobRunner } from '../jobs/run-job.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { Store, StoreHealth } from '../store/store.ts';
import type { Approvals } from '../tasks/approvals.ts';
import type { Activity } from './activity.ts';

export type StatsPorts = {
  version: string;
  busConnected(): boolean;
  directory: Pick<NodeDirectory, 'list'>;
  models: Pick<ModelCatalog, 'list'>;
  jobs: Pick<JobRunner, 'running'>;
  scheduler: Pick<Scheduler, 'waiting'>;
  queue: Pick<JobQueue, 'waiting' | 'awaitingApproval'>;
  approvals: Pick<Approvals, 'list'> | undefined;
  store: Pick<Store, 'health'> & { jobs: Pick<Store['jobs'], 'countJobsByState'> };
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
    const [health, usage] = await Promise.all([store.health(), ports.diskUsage()]);
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
        running: ports.jobs.running(),
        waiting: ports.scheduler.waiting(),
        queued: ports.queue.waiting(),
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
  const reasons: string[] = [];
  if (!isBusConnected) reasons.push('The message bus is not reachable; it is being restarted.');
  if (!storage.writable) reasons.push(`The data folder cannot be written: ${storage.reason}`);
  return { status: reasons.length === 0 ? 'ok' : 'degraded', reasons };
}

function nodesOf(directory: StatsPorts['directory']): Pick<AdminStats, 'nodes' | 'slots'> {
  const nodes: AdminStats['nodes'] = { known: 0, connected: 0, by_status: {} };
  const slots: AdminStats['slots'] = { total: 0, used: 0 };
  for (const node of directory.list({ limit: Number.MAX_SAFE_INTEGER }).data) {
    nodes.known += 1;
    if (node.connected) nodes.connected += 1;
    nodes.by_status[node.status] = (nodes.by_status[node.status] ?? 0) + 1;
    slots.total += node.slots.total;
    slots.used += node.slots.used;
  }
  return { nodes, slots };
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
