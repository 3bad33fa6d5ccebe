import type { ProblemRecord } from '../../shared/problems/problem-record.ts';
import type { Usage } from '../../shared/protocol/messages.ts';
import type { JobType } from '../../shared/protocol/subjects.ts';
import type { LoggedReceipt, Receipt, SignatureVerdict } from '../../shared/receipts/receipt.ts';
import type { BatchStore } from './batch-store.ts';
import type { Charge, CreditStore } from './credit-store.ts';
import type { FileStore } from './file-store.ts';
import type { MeasurementStore } from './measurement-store.ts';
import type { MinerStore } from './miner-store.ts';
import type { NodeAdminStore } from './node-admin-store.ts';
import type { PairingStore } from './pairing-store.ts';
import type { QueuedJobStore } from './queued-job-store.ts';
import type { ReceiptLogStore } from './receipt-log-store.ts';
import type { RequestMarkStore } from './request-mark-store.ts';
import type { ServiceStore } from './service-store.ts';
import type { UsageStore } from './usage-store.ts';

/**
 * What the relay remembers. Every method returns a promise that settles when the answer is durable, so that another
 * database can stand behind the same interface; `test/relay/store/store-contract.ts` says what each one owes.
 *
 * Times are whole milliseconds since 1970. Of prompts and answers only counts, times and hashes
 * are stored, but for those of the queue while `queuedJobs` needs them.
 *
 * Errors of every method: `storage_failed` when the disk or the database refuses, `draining` for a write after
 * `close`. Anything else that rejects is a fault of the caller, such as a job that is recorded twice.
 */
export type Store = {
  readonly batches: BatchStore;
  readonly files: FileStore;
  readonly jobs: JobStore;
  readonly keys: KeyStore;
  readonly measurements: MeasurementStore;
  readonly miners: MinerStore;
  readonly nodes: NodeStore;
  readonly nodeAdmin: NodeAdminStore;
  readonly pairing: PairingStore;
  readonly credits: CreditStore;
  readonly queuedJobs: QueuedJobStore;
  readonly receiptLog: ReceiptLogStore;
  readonly requestMarks: RequestMarkStore;
  readonly usage: UsageStore;
  readonly services: ServiceStore;
  /** Whether a write would reach the disk now; it tries one. Never rejects. */
  health(): Promise<StoreHealth>;
  /**
   * Gives up to `mostBytes` of the room that was forgotten back to the disk, but for what will soon be needed again; whether there
   * is more. A database server keeps its own house: of that it is never more.
   */
  giveBack(mostBytes: number): Promise<boolean>;
  /** Finishes every accepted write, then lets go of the files. May be called twice. */
  close(): Promise<void>;
};

/** The reason is whole sentences. */
export type StoreHealth = { writable: true } | { writable: false; reason: string };

export const FINAL_STATES = ['succeeded', 'failed', 'cancelled', 'expired'] as const;
export type FinalState = (typeof FINAL_STATES)[number];

/** One try of one node at a job. */
export type AttemptRecord = {
  /** Counts from 1 within its job. */
  attempt: number;
  nodeId: string;
  epoch: number;
  state: FinalState;
  problem: ProblemRecord | null;
  queuedAt: number;
  startedAt: number | null;
  finishedAt: number;
  firstTokenAt: number | null;
};

/** A job without its attempts, as lists show it. */
export type JobSummary = {
  id: string;
  requestId: string;
  apiKeyId: string;
  type: JobType;
  model: string;
  stream: boolean;
  state: FinalState;
  problem: ProblemRecord | null;
  createdAt: number;
  startedAt: number | null;
  finishedAt: number;
  usage: Usage | null;
};

/** A job that has ended, as it is handed over to be kept. */
export type JobRecord = JobSummary & {
  /** In the order they were made. */
  attempts: AttemptRecord[];
  /** Of the last attempt, when that has succeeded; the store signs it for whoever asks. */
  receipt: LoggedReceipt | null;
  /** What is entered into the ledger for it; nothing when absent. */
  charge?: Charge | null;
};

/** A job that has ended, with everything that is kept of it. */
export type FinishedJob = Omit<JobRecord, 'receipt' | 'charge'> & {
  /** The latest, when attempts left several. */
  receipt: Receipt | null;
};

export type JobPage = {
  /** Newest first. */
  jobs: JobSummary[];
  /** What to pass as `before` for the next page; null on the last. */
  next: string | null;
};

/** Reading a receipt that is not what was logged is refused with `receipt_log_damaged`. */
export interface JobStore {
  /**
   * Keeps job, attempts, receipt and the receipt's place in the log together or not at all. Resolves with what was found
   * of the node's signature, or null without a receipt and when so many come that not every one is looked at at once.
   */
  recordFinishedJob(record: JobRecord): Promise<SignatureVerdict | null>;
  findJob(id: string): Promise<FinishedJob | undefined>;
  findReceipt(receiptId: string): Promise<Receipt | undefined>;
  /** The latest receipt of the job. */
  receiptOfJob(jobId: string): Promise<Receipt | undefined>;
  /** Every receipt of the job, oldest first. */
  receiptsOfJob(jobId: string): Promise<Receipt[]>;
  /** Jobs recorded before the job `before`, or the newest. Errors: `invalid_value` when `before` is no job. */
  listJobs(page: { limit: number; before?: string | undefined }): Promise<JobPage>;
  /** All that were ever recorded, also those that were forgotten. */
  countJobsByState(): Promise<Record<FinalState, number>>;
  /**
   * Looks at `limit` jobs behind `after` in the order of their recording, to the first that finished at `finishedBefore`
   * or later, and forgets those without a receipt, but never the newest job. 0 begins; `reached` goes on from there.
   */
  forgetJobs(page: { finishedBefore: number; after: number; limit: number }): Promise<ForgottenJobs>;
}

export type ForgottenJobs = {
  forgotten: number;
  /** What to pass as `after` next time. */
  reached: number;
  /** Whether there is no older job left to look at now. */
  isDone: boolean;
};

/** A key as it is stored: its hash, never itself. */
export type KeyRecord = {
  keyId: string;
  /** Under which all that it does is kept and counted: its own id, or for a key that replaced another, that one's. */
  accountId: string;
  /** SHA-256 of the key, hex. */
  hash: string;
  /** How it begins, for people to know it by; null for one that is older than this. */
  prefix: string | null;
  name: string;
  /** What it is for; null where nobody said. */
  description: string | null;
  scopes: string[];
  /** The only models it may ask for; null is all. */
  models: string[] | null;
  /** Null is without limit. */
  requestsPerMinute: number | null;
  tokensPerMinute: number | null;
  /** How far below 0 its balance may go, in millionths of a credit; null for as far as it gets. */
  creditLimitMicro: number | null;
  /** How many requests and runs of jobs may be under way at once. */
  maxParallelRequests: number | null;
  /** What it may spend within a period, in millionths of a credit. */
  budgetMicro: number | null;
  /** How long a period is, as `shared/credits/budget-period.ts` reads it; null for the whole life of the account. */
  budgetDuration: string | null;
  /** From where on the operator is told. */
  softBudgetMicro: number | null;
  /** Whether each request must be signed. */
  hmac: boolean;
  createdAt: number;
  expiresAt: number | null;
  revokedAt: number | null;
  lastUsedAt: number | null;
};

/** What is limited of an account, whichever of its keys is used. */
export const ACCOUNT_LIMITS = [
  'requestsPerMinute',
  'tokensPerMinute',
  'creditLimitMicro',
  'maxParallelRequests',
  'budgetMicro',
  'budgetDuration',
  'softBudgetMicro',
] as const;
export type AccountLimits = Pick<KeyRecord, (typeof ACCOUNT_LIMITS)[number]>;

/** What may be changed of a key that was made; what is absent stays. */
export type KeyChange = Partial<
  Pick<KeyRecord, 'name' | 'description' | 'scopes' | 'models' | 'expiresAt'> & AccountLimits
>;

export type KeyUsage = { keyId: string; usedAt: number };

export interface KeyStore {
  /** Adds a key; one with the same hash or id stays as it is. Returns the stored one. */
  putKey(key: KeyRecord): Promise<KeyRecord>;
  findKeyByHash(hash: string): Promise<KeyRecord | undefined>;
  /** Oldest first. */
  listKeys(): Promise<KeyRecord[]>;
  /** Ends a key for good; a second call keeps the first time. False when there is no such key. */
  revokeKey(keyId: string, revokedAt: number): Promise<boolean>;
  /** Lets a key end at a time, unless it ends before. False when there is no such key. */
  expireKey(keyId: string, expiresAt: number): Promise<boolean>;
  /**
   * Changes a key, and for limits of its account every key of that; all of it or nothing. Undefined when there is no such key, or
   * it was revoked.
   */
  changeKey(keyId: string, change: KeyChange): Promise<KeyRecord | undefined>;
  /** Moves "last used" forward, never back, of each key once; unknown keys are skipped. */
  touchKeys(usages: readonly KeyUsage[]): Promise<void>;
}

/** A machine the relay has given credentials to. */
export type NodeRecord = { nodeId: string; publicKey: string; name: string; firstSeenAt: number };

export interface NodeStore {
  /** Binds an id to a key for good and returns the stored record. Errors: `node_identity_taken` for another key. */
  rememberNode(node: NodeRecord): Promise<NodeRecord>;
  findNode(nodeId: string): Promise<NodeRecord | undefined>;
  /** Oldest first. */
  listNodes(): Promise<NodeRecord[]>;
  /** The number of the node's next session: 1, 2, 3 …, each given once, also across restarts and crashes. */
  nextEpoch(nodeId: string): Promise<number>;
}
