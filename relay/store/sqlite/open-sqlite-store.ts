import { rowsOf } from '../rows/job-rows.ts';
import { acceptedJob, queuedJobValues, rowsOfEnding } from '../rows/queued-job-rows.ts';
import type { Store } from '../store.ts';
import { type DatabaseThread, startDatabaseThread } from '../thread/database-thread.ts';
import { createHealthReader } from '../thread/health-reader.ts';
import type { LocalStoreOptions } from './local-store.ts';

const WORKER_URL = new URL('./database-worker.ts', import.meta.url);

export type SqliteStoreOptions = Omit<LocalStoreOptions, 'now' | 'migrations'> & {
  /** How long a question for its health may take; a few seconds unless given. */
  silenceMs?: number;
  /** How many calls may wait for the thread. */
  maxPending?: number;
  workerUrl?: URL;
};

/** Opens the database in a thread of its own. Errors: `data_folder_unusable`. */
export function startSqliteThread(options: Omit<SqliteStoreOptions, 'silenceMs'>): Promise<DatabaseThread> {
  const { maxPending, workerUrl = WORKER_URL, ...workerData } = options;
  return startDatabaseThread({ name: options.file, workerUrl, workerData, maxPending });
}

/**
 * Opens the store in one SQLite file and brings its schema up to date. The database works in a thread of its own, so
 * that neither a slow disk nor a commit stops the event loop. Errors: `data_folder_unusable`.
 */
export async function openSqliteStore({ silenceMs, ...options }: SqliteStoreOptions): Promise<Store> {
  return storeInThread(await startSqliteThread(options), silenceMs);
}

/** The store whose rooms a thread answers. */
export function storeInThread({ ask, askPatiently, close }: DatabaseThread, silenceMs?: number): Store {
  return {
    batches: {
      putBatch: (batch) => ask('batches', 'putBatch', batch),
      endBatch: (batch, word) => ask('batches', 'endBatch', batch, word),
      findBatch: (id) => ask('batches', 'findBatch', id),
      listBatches: (page) => ask('batches', 'listBatches', page),
      listLiveBatches: () => ask('batches', 'listLiveBatches'),
      forgetBatches: (before, limit) => ask('batches', 'forgetBatches', before, limit),
      addLines: (batchId, lines) => ask('batches', 'addLines', batchId, lines),
      dropLines: (batchId) => ask('batches', 'dropLines', batchId),
      openLines: (batchId, after, limit) => ask('batches', 'openLines', batchId, after, limit),
      listLines: (batchId, after, limit) => ask('batches', 'listLines', batchId, after, limit),
      endLine: (batchId, end) => ask('batches', 'endLine', batchId, end),
      loseAnswer: (batchId, number, problem) => ask('batches', 'loseAnswer', batchId, number, problem),
      countLines: (batchId) => ask('batches', 'countLines', batchId),
      usageOf: (batchId) => ask('batches', 'usageOf', batchId),
    },
    files: {
      addFile: (record) => ask('files', 'addFile', record),
      findFile: (fileId) => ask('files', 'findFile', fileId),
      listFiles: (query) => ask('files', 'listFiles', query),
      removeFile: (fileId) => ask('files', 'removeFile', fileId),
      prolongFile: (fileId, expiresAt) => ask('files', 'prolongFile', fileId, expiresAt),
      listExpiredFiles: (now, limit) => ask('files', 'listExpiredFiles', now, limit),
      fileUsage: () => ask('files', 'fileUsage'),
    },
    jobs: {
      // One per job, and nobody's answer waits for it.
      recordFinishedJob: (record) => askPatiently('jobs', 'insertRows', rowsOf(record)),
      findJob: (id) => ask('jobs', 'findJob', id),
      findReceipt: (receiptId) => ask('jobs', 'findReceipt', receiptId),
      receiptOfJob: (jobId) => ask('jobs', 'receiptOfJob', jobId),
      receiptsOfJob: (jobId) => ask('jobs', 'receiptsOfJob', jobId),
      listJobs: (page) => ask('jobs', 'listJobs', page),
      countJobsByState: () => ask('jobs', 'countJobsByState'),
      forgetJobs: (page) => ask('jobs', 'forgetJobs', page),
    },
    keys: {
      putKey: (key) => ask('keys', 'putKey', key),
      findKeyByHash: (hash) => ask('keys', 'findKeyByHash', hash),
      listKeys: () => ask('keys', 'listKeys'),
      revokeKey: (keyId, revokedAt) => ask('keys', 'revokeKey', keyId, revokedAt),
      expireKey: (keyId, expiresAt) => ask('keys', 'expireKey', keyId, expiresAt),
      changeKey: (keyId, change) => ask('keys', 'changeKey', keyId, change),
      touchKeys: (usages) => ask('keys', 'touchKeys', usages),
    },
    nodes: {
      rememberNode: (node) => ask('nodes', 'rememberNode', node),
      findNode: (nodeId) => ask('nodes', 'findNode', nodeId),
      listNodes: () => ask('nodes', 'listNodes'),
      nextEpoch: (nodeId) => ask('nodes', 'nextEpoch', nodeId),
    },
    measurements: {
      // A copy: measuring goes on while the call waits for the end of the turn.
      putMeasurements: (records) => ask('measurements', 'putMeasurements', structuredClone(records)),
      listMeasurements: () => ask('measurements', 'listMeasurements'),
      pruneMeasurements: (limits) => ask('measurements', 'pruneMeasurements', limits),
    },
    miners: {
      putMiner: (record) => ask('miners', 'putMiner', record),
      listMiners: () => ask('miners', 'listMiners'),
    },
    nodeAdmin: {
      putNodeAdmin: (record) => ask('nodeAdmin', 'putNodeAdmin', record),
      listNodeAdmin: () => ask('nodeAdmin', 'listNodeAdmin'),
    },
    pairing: {
      putCode: (code) => ask('pairing', 'putCode', code),
      findCode: (codeId) => ask('pairing', 'findCode', codeId),
      claimCode: (claim) => ask('pairing', 'claimCode', claim),
      listCodes: (limit) => ask('pairing', 'listCodes', limit),
      withdrawCode: (codeId, at) => ask('pairing', 'withdrawCode', codeId, at),
      pruneCodes: (expiredBefore) => ask('pairing', 'pruneCodes', expiredBefore),
      admitNode: (node) => ask('pairing', 'admitNode', node),
      listKnownNodes: () => ask('pairing', 'listKnownNodes'),
      approveNode: (nodeId) => ask('pairing', 'approveNode', nodeId),
      revokeNode: (nodeId, at) => ask('pairing', 'revokeNode', nodeId, at),
      labelNode: (nodeId, labels) => ask('pairing', 'labelNode', nodeId, labels),
      forgetNode: (nodeId, voidUntil) => ask('pairing', 'forgetNode', nodeId, voidUntil),
      listForgottenNodes: () => ask('pairing', 'listForgottenNodes'),
      touchNodes: (seen) => ask('pairing', 'touchNodes', seen),
    },
    usage: {
      sumUsage: (query) => ask('usage', 'sumUsage', query),
      foldHours: (beforeDay) => ask('usage', 'foldHours', beforeDay),
    },
    receiptLog: {
      treeState: () => ask('receiptLog', 'treeState'),
      rootAt: (size) => ask('receiptLog', 'rootAt', size),
      leafOfReceipt: (receiptId) => ask('receiptLog', 'leafOfReceipt', receiptId),
      inclusionPath: (leaf, size) => ask('receiptLog', 'inclusionPath', leaf, size),
      consistencyPath: (older, newer) => ask('receiptLog', 'consistencyPath', older, newer),
      listLeaves: (page) => ask('receiptLog', 'listLeaves', page),
      listTreeNodes: (page) => ask('receiptLog', 'listTreeNodes', page),
      strays: (page) => ask('receiptLog', 'strays', page),
    },
    queuedJobs: {
      acceptJob: async (order, input, state) => {
        const job = acceptedJob(order, state);
        const known = await ask('queuedJobs', 'insertJob', queuedJobValues(job), input);
        return known === undefined ? { job, isNew: true } : { job: known, isNew: false };
      },
      findQueuedJob: (id) => ask('queuedJobs', 'findQueuedJob', id),
      findByIdempotencyKey: (apiKeyId, key) => ask('queuedJobs', 'findByIdempotencyKey', apiKeyId, key),
      inputOf: (id) => ask('queuedJobs', 'inputOf', id),
      resultOf: (id) => ask('queuedJobs', 'resultOf', id),
      moveJob: (id, event, move) => ask('queuedJobs', 'moveJob', id, event, move),
      endJob: (id, event, ending) => ask('queuedJobs', 'endRows', id, rowsOfEnding(event, ending)),
      listLiveJobs: () => ask('queuedJobs', 'listLiveJobs'),
      listAllJobs: (page) => ask('queuedJobs', 'listAllJobs', page),
      listLineJobs: (behindId) => ask('queuedJobs', 'listLineJobs', behindId),
      forgetJob: (id) => ask('queuedJobs', 'forgetJob', id),
      forgetEndedJobs: (before, limit) => ask('queuedJobs', 'forgetEndedJobs', before, limit),
      dueWebhooks: (now, limit, except) => ask('queuedJobs', 'dueWebhooks', now, limit, except),
      recallWebhooks: (now, longestWaits) => ask('queuedJobs', 'recallWebhooks', now, longestWaits),
      settleWebhook: (seq, nextAt) => ask('queuedJobs', 'settleWebhook', seq, nextAt),
      putKeyWeight: (apiKeyId, weight) => ask('queuedJobs', 'putKeyWeight', apiKeyId, weight),
      listKeyWeights: () => ask('queuedJobs', 'listKeyWeights'),
    },
    credits: {
      putPrice: (price) => ask('credits', 'putPrice', price),
      deletePrice: (service) => ask('credits', 'deletePrice', service),
      listPrices: () => ask('credits', 'listPrices'),
      balanceOf: (account) => ask('credits', 'balanceOf', account),
      spentOf: (account, from) => ask('credits', 'spentOf', account, from),
      listAccounts: (page) => ask('credits', 'listAccounts', page),
      grant: (entry) => ask('credits', 'grant', entry),
      listEntries: (page) => ask('credits', 'listEntries', page),
      settle: (order) => ask('credits', 'settle', order),
      findSettlement: (id) => ask('credits', 'findSettlement', id),
      listSettlements: (page) => ask('credits', 'listSettlements', page),
      auditLedger: () => ask('credits', 'auditLedger'),
    },
    requestMarks: {
      keepMark: (mark) => ask('requestMarks', 'keepMark', mark),
      findMark: (mark) => ask('requestMarks', 'findMark', mark),
      dropMark: (mark) => ask('requestMarks', 'dropMark', mark),
      forgetMarks: (before, limit) => ask('requestMarks', 'forgetMarks', before, limit),
    },
    services: {
      putService: (record) => ask('services', 'putService', record),
      deleteService: (serviceId) => ask('services', 'deleteService', serviceId),
      listServices: () => ask('services', 'listServices'),
    },
    health: createHealthReader(() => ask('whole', 'probe'), silenceMs),
    giveBack: (mostBytes) => ask('whole', 'giveBack', mostBytes),
    close,
  };
}
