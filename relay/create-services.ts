import { randomBytes } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../shared/problems/problem.ts';
import type { OtlpTarget } from '../shared/tracing/otlp-exporter.ts';
import { ensureFirstKey, type Principal } from './access/api-keys.ts';
import { createKeyAdmin } from './access/key-admin.ts';
import { createKeyGuard } from './access/key-guard.ts';
import { createOperatorSessions } from './access/operator-sessions.ts';
import { createRateLimits, type RateLimits } from './access/rate-limits.ts';
import { createSessionCookie } from './access/session-cookie.ts';
import { createSignatureGuard } from './access/signature-guard.ts';
import { deriveSigningSecrets } from './access/signing-secrets.ts';
import type { ShownSetting } from './config/shown-settings.ts';
import { openBilling } from './credits/billing.ts';
import { holdFor } from './credits/hold-for.ts';
import type { DiskUsage } from './data-folder/disk-usage.ts';
import type { RelayKeys } from './data-folder/keys.ts';
import { createCapabilityView } from './fabric/capability-view.ts';
import { createDiscovery } from './fabric/discovery.ts';
import { createDocuments } from './fabric/documents.ts';
import { createFreshness } from './fabric/documents-freshness.ts';
import { createModelCatalog } from './fabric/model-catalog.ts';
import type { NKey } from './fabric/nkey.ts';
import { openNodeAdmin } from './fabric/node-admin.ts';
import { createNodeDirectory } from './fabric/node-directory.ts';
import { createNodeTable } from './fabric/node-table.ts';
import type { Fabric } from './fabric/open-fabric.ts';
import { keepTimingNodes } from './fabric/round-trips.ts';
import { keepSessions } from './fabric/sessions.ts';
import { openFileDepot } from './files/file-depot.ts';
import { FILE_LIMITS, type FileLimits } from './files/file-limits.ts';
import { createJobFiles } from './files/job-files.ts';
import { forgetJobs } from './jobs/forget-jobs.ts';
import { newId } from './jobs/id.ts';
import type { JobSpec } from './jobs/job.ts';
import { recordOperatorJobs } from './jobs/operator-jobs.ts';
import { openJobQueue } from './jobs/queue/job-queue.ts';
import { QUEUE_LIMITS, type QueueLimits } from './jobs/queue/queue-limits.ts';
import { createWebhookSender, isBeyondThisMachine } from './jobs/queue/webhook-request.ts';
import { createJobRunner } from './jobs/run-job.ts';
import { createLifecycle } from './lifecycle.ts';
import { createActivity } from './live/activity.ts';
import { createLiveFeed } from './live/live-feed.ts';
import { createNodeChanges } from './live/node-changes.ts';
import { createStatsReader } from './live/read-stats.ts';
import type { RelayLog } from './log.ts';
import { createRelayMetrics } from './metrics/relay-metrics.ts';
import { openMiners } from './miners/miners.ts';
import type { AdmissionRules } from './pairing/admission.ts';
import { createNodeControl } from './pairing/node-control.ts';
import type { NodeRegister } from './pairing/node-register.ts';
import { createPairing } from './pairing/pairing.ts';
import { createPictureFetcher, type PictureSources } from './pictures/picture-fetcher.ts';
import { openLogKeeper } from './receipts/log/log-keeper.ts';
import { openServiceRegistry } from './registry/service-registry.ts';
import { BUS_PATH } from './routes/enroll.ts';
import { readNonce } from './routes/nonce.ts';
import { nodesFor } from './routes/services/plan-service.ts';
import { openReader } from './routes/services/service-output.ts';
import { CONVERSATION_SALT } from './scheduler/affinity.ts';
import { openMeasurements } from './scheduler/keep-measurements.ts';
import { createScheduler } from './scheduler/scheduler.ts';
import type { JobOrder, RelayServices } from './services.ts';
import { foldUsage } from './store/fold-usage.ts';
import type { JobRecord, Store } from './store/store.ts';
import { createApprovals } from './tasks/approvals.ts';
import { createTasks } from './tasks/tasks.ts';
import type { CertificateAuthority } from './tls/certificate-authority.ts';
import { openTracing } from './tracing/open-tracing.ts';
import { VERSION } from './version.ts';

export type ServicesOptions = {
  log: RelayLog;
  store: Store;
  fabric: Fabric;
  keys: RelayKeys;
  settings: readonly ShownSetting[];
  register: NodeRegister;
  /** The key by which nodes know this relay. */
  identity: NKey;
  /** The public key that attests receipts, where there is one. */
  attestationKey?: string | undefined;
  /** Where the last signed head of the receipt log is kept. */
  headFile: string;
  /** How full the disk is. */
  diskUsage: () => Promise<DiskUsage>;
  rules: AdmissionRules;
  publicUrl?: string | undefined;
  /** Whether a person approves each task for a node first. */
  supervised?: boolean | undefined;
  /** Hands certificates to nodes, where the relay speaks TLS. */
  authority?: CertificateAuthority | undefined;
  /** A file or a folder of services that the operator adds to those of the relay. */
  servicesPath?: string | undefined;
  jobLimits?: Partial<JobLimits> | undefined;
  queueLimits?: Partial<QueueLimits> | undefined;
  /** Where contents of files lie. */
  filesFolder: string;
  fileLimits?: Partial<FileLimits> | undefined;
  /** How long the record of a job that left no receipt is kept; for ever when absent. */
  keepJobsMs?: number | undefined;
  /** Where spans of traces are sent; nowhere when absent. */
  otlp?: OtlpTarget | undefined;
  /** Whether webhooks may lie on loopback and link-local addresses. */
  webhooksToThisMachine?: boolean | undefined;
  /** Where pictures of chats may be fetched from; nowhere when absent. */
  pictureSources?: PictureSources | undefined;
};

export type JobLimits = Pick<JobSpec, 'maxWaitMs' | 'timeoutMs' | 'stallTimeoutMs'>;

/** A page of a thousand nodes is more than an operator watches; all are in the numbers. */
const NODES_WATCHED = 1_000;

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
  const { log, store, fabric, register } = options;
  const { bus } = fabric;
  const { servicesPath: path } = options;
  const registry = await openServiceRegistry({ store: store.services, path, now: Date.now, log });
  const files = await openFileDepot({
    store: store.files,
    folder: options.filesFolder,
    limits: { ...FILE_LIMITS, ...options.fileLimits },
    now: Date.now,
    log,
  });
  const jobFiles = createJobFiles({ files, now: Date.now, log });
  const nodeAdmin = await openNodeAdmin({ store: store.nodeAdmin, register, now: Date.now });
  const table = createNodeTable(nodeAdmin.standingOf);
  nodeAdmin.onChange(table.setStanding);
  const { headFile: file, identity: relay } = options;
  const receiptLog = await openLogKeeper({ store, relay, file, now: Date.now, log });
  const models = createModelCatalog(table, Date.now);
  const measurements = await openMeasurements({ store: store.measurements, now: Date.now, log });
  const scheduler = createScheduler(table, { measurements });
  const traced = options.otlp && openTracing(options.otlp, log);
  const tracing = traced?.tracing;
  const rateLimits = createRateLimits(Date.now);
  const billing = await openBilling(store.credits, Date.now);
  const activity = createActivity();
  const onFinished = (job: JobRecord): void => {
    metrics.jobFinished(job);
    billing.finished(job);
    activity.jobEnded(job);
    liveFeed.jobEnded(job);
    tracing?.forget(job.id);
    if (job.usage !== null) rateLimits.spend(job.apiKeyId, job.usage.inputTokens + job.usage.outputTokens);
  };
  const admit: RelayServices['admit'] = (principal, model) => admitJob(principal, model, rateLimits);
  const publicKeyOf = (nodeId: string) => register.get(nodeId)?.publicKey;
  const receiptKeys = { relay: relay.publicKey, publicKeyOf };
  const jobs = createJobRunner({ bus, table, scheduler, store, receiptKeys, billing, log, onFinished });
  const tasks = createTasks({ jobs, now: Date.now });
  const miners = await openMiners({
    ...{ bus, table, register, store: store.miners, now: Date.now, log },
    admit: (application, caller) => pairing.admitMiner(application, caller),
  });
  const kindOf = (nodeId: string) => (miners.has(nodeId) ? 'http' : 'nats');
  const directory = createNodeDirectory({ register, table, admin: nodeAdmin, measurements, kindOf, now: Date.now });
  const limits = { ...JOB_LIMITS, ...options.jobLimits };
  await ensureFirstKey(store.keys, options.keys.apiKey);
  const keys = createKeyGuard({
    store: store.keys,
    adminToken: options.keys.adminToken,
    openCredits: billing.open,
  });
  const secrets = deriveSigningSecrets(relay.seed);
  const documents = createDocuments();
  const metrics = createRelayMetrics({
    jobs: () => ({ running: jobs.running(), waiting: scheduler.waiting() }),
    nodes: () => directory.list({ limit: Number.MAX_SAFE_INTEGER }).data,
    staleFrames: () => jobs.staleFrames() + miners.lateWords(),
    droppedDocuments: () => documents.counts().dropped,
    busConnected: bus.isConnected,
  });
  const freshness = createFreshness({ bus, table, documents, log });
  const sessions = keepSessions({
    bus,
    table,
    documents,
    freshness,
    publicKeyOf: async (nodeId) => {
      const node = register.get(nodeId);
      if (node?.state !== 'active') return undefined;
      return miners.documentKeyOf(nodeId) ?? node.publicKey;
    },
    nextEpoch: (nodeId) => store.nodes.nextEpoch(nodeId),
    warm: { salt: CONVERSATION_SALT, told: scheduler.warmOn },
    now: Date.now,
    log,
  });
  const roundTrips = keepTimingNodes({ bus, table });
  const pairing = createPairing({
    ...options,
    store: store.pairing,
    busPath: BUS_PATH,
    mintNodeCredentials: fabric.mintNodeCredentials,
    now: Date.now,
    randomBytes,
  });
  const { applyRevocations } = fabric;
  const nodeControl = createNodeControl({
    register,
    table,
    bus,
    standingOf: nodeAdmin.standingOf,
    applyRevocations,
    now: Date.now,
    log,
  });
  const queue = await openJobQueue({
    store: store.queuedJobs,
    jobs,
    serviceRun: async (id, asked, routing, client) => {
      const service = registry.get(id);
      const reader = await openReader(service, asked, client, { files, jobFiles });
      return { reader, routing: nodesFor(service.definition, routing, table).routing };
    },
    traceOf: tracing?.kept,
    table,
    limits: { ...QUEUE_LIMITS, ...options.queueLimits },
    runLimits: limits,
    supervised: options.supervised === true,
    onTakenUp: ({ id, apiKeyId, holdMicro }) => holdMicro !== null && billing.restore(id, apiKeyId, holdMicro),
    onFinished,
    onDropped: billing.release,
    sendWebhook: createWebhookSender({
      isAllowed: options.webhooksToThisMachine === true ? () => true : isBeyondThisMachine,
    }),
    now: Date.now,
    log,
  });
  const approvals = options.supervised === true ? createApprovals({ now: Date.now }) : undefined;
  const readStats = createStatsReader({
    version: VERSION,
    busConnected: bus.isConnected,
    directory,
    models,
    jobs,
    scheduler,
    queue,
    approvals,
    store,
    activity,
    diskUsage: options.diskUsage,
    now: Date.now,
  });
  const nodes = createNodeChanges({ register, table, directory, most: NODES_WATCHED });
  const liveFeed = createLiveFeed({ nodes, readStats, run: randomBytes(9).toString('base64url'), log });
  queue.watchAll(liveFeed.jobChanged);
  const operatorSessions = createOperatorSessions({ now: Date.now, randomBytes });
  const stopFolding = foldUsage({ store: store.usage, now: Date.now, log });
  const stopForgetting = options.keepJobsMs === undefined ? undefined : forgetOldJobs(options.keepJobsMs, options);
  table.listen({ onGone: ({ id, heardAt }) => register.noteSeen(id, heardAt) });
  return {
    version: VERSION,
    settings: options.settings,
    lifecycle: createLifecycle(),
    log,
    bus,
    table,
    models,
    scheduler,
    jobs,
    queue,
    store,
    receiptLog,
    relayKey: relay.publicKey,
    attestationKey: options.attestationKey,
    keys,
    keyAdmin: createKeyAdmin({ store: store.keys, forget: keys.forget, secrets, now: Date.now }),
    signatures: createSignatureGuard({ secrets, now: Date.now }),
    rateLimits,
    billing,
    operatorSessions,
    sessionCookie: createSessionCookie({
      sessions: operatorSessions,
      relayKey: relay.publicKey,
      publicUrl: options.publicUrl,
    }),
    activity,
    liveFeed,
    readStats,
    metrics,
    tracing,
    documents,
    freshness,
    discovery: createDiscovery({ bus, table, documents, log }),
    capabilities: createCapabilityView({ table, documents, now: Date.now }),
    operatorJobs: recordOperatorJobs({ bus, table, store: store.jobs, receiptKeys, now: Date.now, log }),
    admit,
    newJob: (request, order) => {
      admit(request.principal, order.model);
      const holdMicro = holdFor(request.principal, order, billing);
      return describeJob(request, order, { ...limits, holdMicro, trace: tracing?.jobOf(request) });
    },
    register,
    pairing,
    nodeControl,
    nodeAdmin,
    directory,
    miners,
    registry,
    files,
    jobFiles,
    pictures: createPictureFetcher(options.pictureSources ?? { hosts: [] }),
    tasks,
    approvals,
    publicUrl: options.publicUrl,
    busListener: fabric.listener,
    close: async () => {
      liveFeed.close();
      await queue.close();
      await tasks.close();
      miners.close();
      await files.close();
      await stopForgetting?.();
      await stopFolding();
      roundTrips.stop();
      sessions.stop();
      await keys.recordUsage();
      await measurements.close();
      await receiptLog.close();
      await register.close();
      await traced?.close();
    },
  };
}

/** A record outlives the result that is fetched by it. */
function forgetOldJobs(keepJobsMs: number, { store, log, queueLimits }: ServicesOptions): () => Promise<void> {
  const { keepResultsMs } = { ...QUEUE_LIMITS, ...queueLimits };
  const keepMs = Math.max(keepJobsMs, 2 * keepResultsMs);
  return forgetJobs({ store: store.jobs, keepMs, now: Date.now, log });
}

/** Throws for what the key may not ask, or not now. */
function admitJob({ keyId, limits }: Principal, model: string, rateLimits: RateLimits): void {
  if (limits === undefined) return;
  if (limits.models !== null && !limits.models.includes(model)) {
    const sentence = `This key may not ask for ${model}, only for ${limits.models.join(', ')}.`;
    throw new Problem('insufficient_scope', sentence, { param: 'model' });
  }
  rateLimits.admit(keyId, limits);
}

function describeJob(
  request: FastifyRequest,
  order: JobOrder,
  limits: JobLimits & Pick<JobSpec, 'holdMicro' | 'trace'>,
): JobSpec {
  return {
    id: newId('job'),
    receiptId: newId('rcpt'),
    requestId: request.id,
    apiKeyId: request.principal.keyId,
    nonce: readNonce(request),
    ...limits,
    // One object is the first word of its node and the last; whether the node still lives is asked meanwhile.
    ...(order.type === 'llm' || order.type === 'embed' ? undefined : { stallTimeoutMs: limits.timeoutMs }),
    ...order,
  };
}
