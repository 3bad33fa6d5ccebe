import type { FastifyRequest } from 'fastify';
import { ensureFirstKey } from './access/api-keys.ts';
import { createKeyGuard } from './access/key-guard.ts';
import type { RelayKeys } from './data-folder/keys.ts';
import { createModelCatalog } from './fabric/model-catalog.ts';
import { createNodeTable } from './fabric/node-table.ts';
import type { Fabric } from './fabric/open-fabric.ts';
import { keepSessions } from './fabric/sessions.ts';
import { newId } from './jobs/id.ts';
import type { JobSpec } from './jobs/job.ts';
import { createJobRunner } from './jobs/run-job.ts';
import type { RelayLog } from './log.ts';
import { createScheduler } from './scheduler/scheduler.ts';
import type { JobOrder, RelayServices } from './services.ts';
import type { Store } from './store/store.ts';
import { VERSION } from './version.ts';

export type ServicesOptions = {
  log: RelayLog;
  store: Store;
  fabric: Fabric;
  keys: RelayKeys;
  jobLimits?: Partial<JobLimits> | undefined;
};

export type JobLimits = Pick<JobSpec, 'maxWaitMs' | 'timeoutMs' | 'stallTimeoutMs'>;

const JOB_LIMITS: JobLimits = {
  /** How long a synchronous call may wait for a slot; a client that minds sends its own time-out. */
  maxWaitMs: 30_000,
  /** The official client gives up after ten minutes. */
  timeoutMs: 600_000,
  /** A node that works sends a token, a batch of vectors or an error long before this. */
  stallTimeoutMs: 120_000,
};

/** Builds what the routes ask, in the order in which each needs the one before. */
export async function createServices(options: ServicesOptions): Promise<RelayServices & { close(): Promise<void> }> {
  const { log, store, fabric } = options;
  const { bus } = fabric;
  const table = createNodeTable();
  const models = createModelCatalog(table, Date.now);
  const scheduler = createScheduler(table);
  const jobs = createJobRunner({ bus, table, scheduler, store, log });
  const limits = { ...JOB_LIMITS, ...options.jobLimits };
  await ensureFirstKey(store.keys, options.keys.apiKey);
  const keys = createKeyGuard({ store: store.keys, adminToken: options.keys.adminToken });
  const sessions = keepSessions({
    bus,
    table,
    publicKeyOf: async (nodeId) => (await store.nodes.findNode(nodeId))?.publicKey,
    nextEpoch: (nodeId) => store.nodes.nextEpoch(nodeId),
    now: Date.now,
    log,
  });
  return {
    version: VERSION,
    log,
    bus,
    table,
    models,
    scheduler,
    jobs,
    store,
    keys,
    newJob: (request, order) => describeJob(request, order, limits),
    mintNodeCredentials: fabric.mintNodeCredentials,
    close: async () => {
      sessions.stop();
      await keys.recordUsage();
    },
  };
}

function describeJob(request: FastifyRequest, order: JobOrder, limits: JobLimits): JobSpec {
  return {
    id: newId('job'),
    receiptId: newId('rcpt'),
    requestId: request.id,
    apiKeyId: request.principal.keyId,
    ...order,
    ...limits,
  };
}
