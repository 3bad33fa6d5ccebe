import type { FastifyRequest } from 'fastify';
import { keyRevoked } from '../access/key-admin.ts';
import { BATCH_LIMITS } from '../batches/batch-limits.ts';
import { type BatchPorts, openBatches } from '../batches/batches.ts';
import { closeAll } from '../close-all.ts';
import { holdFor } from '../credits/hold-for.ts';
import { openFileDepot } from '../files/file-depot.ts';
import { FILE_LIMITS } from '../files/file-limits.ts';
import { createJobFiles } from '../files/job-files.ts';
import { countJobs } from '../jobs/count-jobs.ts';
import { newId } from '../jobs/id.ts';
import type { JobSpec } from '../jobs/job.ts';
import { recordOperatorJobs } from '../jobs/operator-jobs.ts';
import { type JobQueue, openJobQueue, type QueuePorts } from '../jobs/queue/job-queue.ts';
import { QUEUE_LIMITS } from '../jobs/queue/queue-limits.ts';
import { submitOrder } from '../jobs/queue/submit-order.ts';
import { createWebhookSender } from '../jobs/queue/webhook-request.ts';
import { createRecordKeeper } from '../jobs/record-keeper.ts';
import { openRecordShelf, tellShelved } from '../jobs/record-shelf.ts';
import { createJobRunner } from '../jobs/run-job.ts';
import { createActivity } from '../live/activity.ts';
import { createRelayMetrics } from '../metrics/relay-metrics.ts';
import { webhookGuard } from '../outbound/webhook-networks.ts';
import { createPictureFetcher } from '../pictures/picture-fetcher.ts';
import { openLogKeeper } from '../receipts/log/log-keeper.ts';
import { openServiceRegistry } from '../registry/service-registry.ts';
import { openRepeats } from '../repeats/repeats.ts';
import { batchLineOrders, batchLineRuns } from '../routes/batches/batch-lines.ts';
import { readNonce } from '../routes/jobs/nonce.ts';
import { routingFor } from '../routes/services/file-input.ts';
import { nodesFor } from '../routes/services/plan-service.ts';
import { openReader } from '../routes/services/service-output.ts';
import type { JobOrder, RelayServices } from '../services.ts';
import type { JobRecord, StoreHealth } from '../store/store.ts';
import { createApprovals } from '../tasks/approvals.ts';
import { createTasks } from '../tasks/tasks.ts';
import { openTracing } from '../tracing/open-tracing.ts';
import type { OpenAccess } from './open-access.ts';
import type { OpenNodes } from './open-nodes.ts';
import { JOB_LIMITS, type JobLimits, type ServicesOptions } from './services-options.ts';

/** Runs jobs on the nodes and keeps what comes of them. */
export async function openWork(options: ServicesOptions, nodes: OpenNodes, access: OpenAccess) {
  const { log, store, register, identity: relay } = options;
  const { bus } = options.fabric;
  const { table, scheduler } = nodes;
  const { billing } = access;
  const receiptLog = await openLogKeeper({ store, relay, file: options.headFile, now: Date.now, log });
  const parts = await openParts(options);
  const traced = options.otlp && openTracing(options.otlp, log);
  const ended = createEnds();
  const publicKeyOf = (nodeId: string) => register.get(nodeId)?.publicKey;
  const receiptKeys = { relay: relay.publicKey, publicKeyOf };
  const shelf = openRecordShelf(options.shelfFile, log);
  await tellShelved(shelf, store.jobs, billing.finished);
  const records = createRecordKeeper({ store: store.jobs, log, shelf });
  const spent = ({ apiKeyId, usage }: JobRecord): void => {
    if (usage !== null) access.rateLimits.spend(apiKeyId, usage.inputTokens + usage.outputTokens);
  };
  const onFinished = (job: JobRecord): void => {
    spent(job);
    ended.tell(job);
  };
  const jobs = createJobRunner({ bus, table, scheduler, records, receiptKeys, billing, log, onFinished });
  const count = () => countJobs({ jobs, scheduler, queue });
  const metrics = metricsOf(options, nodes, jobs, count);
  const activity = createActivity();
  const limits = { ...JOB_LIMITS, ...options.jobLimits };
  ended.listen((job) => {
    scheduler.jobEnded(job, job.problem);
    metrics.jobFinished(job);
    billing.finished(job);
    activity.jobEnded(job);
  });
  const pictures = createPictureFetcher(options.pictureSources ?? { hosts: [] });
  const webhookAddresses = { isAllowed: webhooksAllowed(options) };
  const queue = await openJobQueue({
    ...queueOptions(options, nodes, parts),
    callRun: batchLineRuns({ pictures }),
    sendWebhook: createWebhookSender(webhookAddresses),
    jobs,
    paceMs: access.rateLimits.waitMs,
    slots: { ...access.parallelLimits, onRoom: access.onRoom },
    spent,
    runLimits: limits,
    onTakenUp: ({ id, apiKeyId, holdMicro }) => holdMicro !== null && billing.restore(id, apiKeyId, holdMicro),
    onFinished: ended.tell,
    onDropped: billing.release,
  });
  const batches = await openBatches(batchOptions(options, nodes, access, { ...parts, queue }));
  // A relay that was killed while it revoked a key has left some.
  const revoked = await access.keyAdmin.revokedAccounts();
  await batches.cancelAllOf(revoked);
  await queue.giveUpAllOf(revoked, keyRevoked());
  const describe = (request: FastifyRequest, order: JobOrder): JobSpec => {
    const holdMicro = holdFor(request.principal, order, billing);
    return describeJob(request, order, { ...limits, holdMicro, trace: traced?.tracing.jobOf(request) });
  };
  const enter = ({ principal, answer }: FastifyRequest): void => {
    if (answer !== undefined) access.parallelLimits.enter(principal.keyId, answer);
  };
  /** Of all of them or none, before any begins; each holds its own then. */
  const assertPayable = (jobs: readonly JobSpec[]): void => {
    const [first] = jobs;
    if (first?.holdMicro === undefined) return;
    billing.assertRoom(
      first.apiKeyId,
      jobs.reduce((sum, { holdMicro = 0 }) => sum + holdMicro, 0),
    );
  };
  const newJob: RelayServices['newJob'] = (request, order) => {
    records.assertWritable();
    enter(request);
    access.admit(request.principal, order.model);
    const job = describe(request, order);
    assertPayable([job]);
    return job;
  };
  const newJobs: RelayServices['newJobs'] = (request, model, orders) => {
    records.assertWritable();
    enter(request);
    access.admit(request.principal, model, orders.length);
    const described = orders.map((order) => describe(request, order));
    assertPayable(described);
    return described;
  };
  /** A storage that has room for a probe may have none for the records that wait, as one does that is nearly full. */
  const storageHealth = async (): Promise<StoreHealth> => {
    const health = records.health();
    return health.writable ? store.health() : health;
  };
  const tasks = createTasks({ jobs, slots: access.parallelLimits, now: Date.now });
  recordOperatorJobs({ bus, table, store: store.jobs, receiptKeys, now: Date.now, log });
  const work = {
    ...parts,
    webhookAddresses,
    ...{ receiptLog, tracing: traced?.tracing, jobs, metrics, activity, queue, batches, tasks, newJob, newJobs },
    storageHealth,
    countJobs: count,
    approvals: options.supervised === true ? createApprovals({ now: Date.now }) : undefined,
    pictures,
  };
  return {
    work,
    onJobEnded: ended.listen,
    /** Lets what runs come to an end. */
    stop: () => closeAll([batches.close, queue.close, tasks.close, parts.files.close, parts.repeats.close], log),
    /** After the last receipt. */
    close: () => closeAll([records.close, receiptLog.close, () => traced?.close()], log),
  };
}

export type OpenWork = Awaited<ReturnType<typeof openWork>>['work'];
type Parts = Awaited<ReturnType<typeof openParts>>;

/** What jobs are made of: services and files. */
async function openParts(options: ServicesOptions) {
  const { store, servicesPath: path, filesFolder: folder, fileLimits, queueLimits, log } = options;
  const registry = await openServiceRegistry({ store: store.services, path, now: Date.now, log });
  const limits = { ...FILE_LIMITS, ...fileLimits };
  const files = await openFileDepot({ store: store.files, folder, limits, now: Date.now, log });
  // As long as the results of jobs, whose requests may be repeated as long.
  const keepMs = { ...QUEUE_LIMITS, ...queueLimits }.keepResultsMs;
  const repeats = openRepeats({ store: store.requestMarks, keepMs, now: Date.now, log });
  return { registry, files, repeats, jobFiles: createJobFiles({ files, now: Date.now, log }) };
}

function queueOptions(options: ServicesOptions, { table }: OpenNodes, { registry, files, jobFiles }: Parts) {
  const serviceRun: QueuePorts['serviceRun'] = async (id, call, wished, client) => {
    const service = registry.get(id);
    const reader = await openReader(service, call, client, { files, jobFiles });
    const routing = routingFor(service.definition, call, wished);
    return { reader, routing: nodesFor(service.definition, routing, table).routing };
  };
  return {
    store: options.store.queuedJobs,
    serviceRun,
    table,
    limits: { ...QUEUE_LIMITS, ...options.queueLimits },
    supervised: options.supervised === true,
    now: Date.now,
    log: options.log,
  };
}

function batchOptions(
  options: ServicesOptions,
  nodes: OpenNodes,
  { billing, keyAdmin }: OpenAccess,
  { files, queue }: Parts & { queue: JobQueue },
): BatchPorts {
  const { store, log } = options;
  return {
    store,
    queue,
    files,
    submit: (order, input) => submitOrder(order, input, { billing, queue }),
    orderOf: batchLineOrders({ ...nodes, billing }),
    callerOf: async (account) => {
      const caller = await keyAdmin.actingFor(account);
      if (caller === undefined) throw keyRevoked();
      return caller;
    },
    holdsCredits: (account) => ((billing.standing(account) ?? billing.budget(account))?.heldMicro ?? 0) > 0,
    limits: { ...BATCH_LIMITS, ...options.batchLimits },
    // As long as the files with its answers at most.
    keepMs: files.limits.longestLifetimeMs,
    now: Date.now,
    log,
  };
}

function webhooksAllowed(options: ServicesOptions): (address: string) => boolean {
  if (options.webhooksToThisMachine === true) return () => true;
  return webhookGuard(options.webhookNetworks ?? 'public');
}

function metricsOf(
  { fabric }: ServicesOptions,
  { directory, miners, documents }: OpenNodes,
  jobs: RelayServices['jobs'],
  count: RelayServices['countJobs'],
) {
  return createRelayMetrics({
    jobs: count,
    nodes: directory.count,
    staleFrames: () => jobs.staleFrames() + miners.lateWords(),
    droppedDocuments: () => documents.counts().dropped,
    busConnected: fabric.bus.isConnected,
  });
}

/** Tells everybody of every job that has ended, in the order in which they came to listen. */
function createEnds() {
  const listeners: ((job: JobRecord) => void)[] = [];
  return {
    listen: (listener: (job: JobRecord) => void) => void listeners.push(listener),
    tell: (job: JobRecord) => {
      for (const listener of listeners) listener(job);
    },
  };
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
