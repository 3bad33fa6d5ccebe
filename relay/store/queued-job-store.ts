import type { RoutingRequest } from '../../shared/api/routing.ts';
import type { ProblemRecord } from '../../shared/problems/problem-record.ts';
import type { JobType } from '../../shared/protocol/subjects.ts';
import type { EndEvent, JobEvent, JobState } from '../jobs/queue/job-state.ts';
import type { AttemptRecord, JobRecord, JobSummary } from './store.ts';

/** An attempt that may still run: then `state` is `running` and `finishedAt` is null. */
export type QueuedAttempt = Omit<AttemptRecord, 'state' | 'finishedAt'> & {
  state: AttemptRecord['state'] | 'running';
  finishedAt: number | null;
};

/** One change of state. `seq` counts from 1 within its job. */
export type JobChange = {
  seq: number;
  at: number;
  state: JobState;
  nodeId: string | null;
  attempt: number | null;
  problem: ProblemRecord | null;
};

/** What is asked of a job when it is accepted; its input is kept apart. */
export type QueuedOrder = {
  id: string;
  receiptId: string;
  requestId: string;
  apiKeyId: string;
  service: string;
  type: JobType;
  model: string;
  routing: RoutingRequest | null;
  /** Higher goes first among the jobs of its key. */
  priority: number;
  /** Milliseconds since 1970 after which it expires. */
  deadline: number;
  maxAttempts: number;
  /** How long it may wait for its first node; null for as long as it lives. */
  maxWaitMs: number | null;
  createdAt: number;
  idempotencyKey: string | null;
  /** SHA-256 of what was asked, hex; tells a repeated request from another one under its key. Empty without a key. */
  requestHash: string;
  /** Of the input as JSON. */
  inputBytes: number;
  /** Who is told of its end. */
  webhook: Webhook | null;
  /** The caller's own mark, which its receipt shows. */
  nonce: string | null;
  /** What of the key's credits is held for it, in millionths; null when the key has no limit. */
  holdMicro: number | null;
};

export type Webhook = { url: string /** Signs what is sent. */; secret: string };

/** Word of a job's end that is to be brought to a webhook. */
export type WebhookDelivery = Webhook & {
  seq: number;
  /** Whose it is. */
  apiKeyId: string;
  eventId: string;
  /** JSON. */
  body: string;
  /** How often it was tried in vain. */
  tries: number;
  nextAt: number;
};

/** Deliveries that are under way, and keys that have as many of them as they may. */
export type WebhooksUnderWay = { seqs: readonly number[]; apiKeyIds: readonly string[] };

/** A job that was accepted to be done later. */
export type QueuedJob = QueuedOrder & {
  state: JobState;
  startedAt: number | null;
  finishedAt: number | null;
  attempts: QueuedAttempt[];
  changes: JobChange[];
};

/** What a change of state brings with it. */
export type JobMove = {
  at: number;
  attempts?: readonly QueuedAttempt[];
  nodeId?: string;
  attempt?: number;
  problem?: ProblemRecord;
};

/** A change of state on the way to the end. */
export type JobStep = { event: Exclude<JobEvent, EndEvent>; move: JobMove };

export type JobEnding = {
  /** What is not written down yet of the way there; what the state does not allow is passed over. */
  steps?: readonly JobStep[];
  record: JobRecord;
  /** JSON. */
  result: string | null;
  /** What the job's webhook is told, if it has one. */
  event?: { id: string; body: string };
};

/** A job as lists show it, whether it waits, runs or has ended. */
export type ListedJob = Omit<JobSummary, 'state' | 'finishedAt'> & {
  state: JobState;
  finishedAt: number | null;
};

/** Of which key, in which of the states; null is any. */
export type JobListing = {
  limit: number;
  before?: string | undefined;
  apiKeyId: string | null;
  states?: readonly JobState[] | null | undefined;
};

export type ListedJobs = {
  jobs: ListedJob[] /** What to pass as `before`; null on the last page. */;
  next: string | null;
};

/**
 * The jobs that were accepted before they are done. Here alone inputs and results are kept: an input until its job
 * ends, a result until it is forgotten.
 */
export interface QueuedJobStore {
  /** Keeps job and input, which is JSON. An earlier job of the same key and idempotency key is returned instead, with `isNew` false. */
  acceptJob(order: QueuedOrder, input: string, state: JobState): Promise<{ job: QueuedJob; isNew: boolean }>;
  findQueuedJob(id: string): Promise<QueuedJob | undefined>;
  findByIdempotencyKey(apiKeyId: string, idempotencyKey: string): Promise<QueuedJob | undefined>;
  /** JSON; undefined once the job has ended. */
  inputOf(id: string): Promise<string | undefined>;
  /** JSON; undefined while there is none and when it is kept no more. */
  resultOf(id: string): Promise<string | undefined>;
  /** Takes a job one step on; undefined when the event changes nothing now. */
  moveJob(id: string, event: Exclude<JobEvent, EndEvent>, move: JobMove): Promise<JobChange | undefined>;
  /**
   * Ends a job: state, record, receipt and result together or not at all. Resolves with its changes, the last of which is
   * the end; with undefined when it has ended before or cannot end so now, and then nothing is kept of this.
   */
  endJob(id: string, event: EndEvent, ending: JobEnding): Promise<JobChange[] | undefined>;
  /** Every job that has not ended, in the order of acceptance. */
  listLiveJobs(): Promise<QueuedJob[]>;
  /** Jobs, live and ended, newest first: of one key or of any, in these states or in any. */
  listAllJobs(page: JobListing): Promise<ListedJobs>;
  /** The ids of jobs, live and ended, that are lines of batches and whose ids come behind this one, as far as they are not forgotten. */
  listLineJobs(behindId: string): Promise<string[]>;
  /** Forgets an ended job with its result; its record and receipt stay. False when it has not ended or is not here. */
  forgetJob(id: string): Promise<boolean>;
  /** The same for up to `limit` jobs that ended before a moment and belong to no batch that lives; returns how many. */
  forgetEndedJobs(before: number, limit: number): Promise<number>;
  /** The deliveries that are due but for these, the longest due first, and when the next one will be. */
  dueWebhooks(
    now: number,
    limit: number,
    except: WebhooksUnderWay,
  ): Promise<{ due: WebhookDelivery[]; nextAt: number | null }>;
  /**
   * Makes due now what waits longer than a delivery may after so many tries, in milliseconds by their number: it was put off by
   * a clock that was ahead.
   */
  recallWebhooks(now: number, longestWaits: readonly number[]): Promise<void>;
  /** Puts a delivery off until a moment, or forgets it with null. */
  settleWebhook(seq: number, nextAt: number | null): Promise<void>;
  putKeyWeight(apiKeyId: string, weight: number): Promise<void>;
  /** Keys without a weight of their own are not listed. */
  listKeyWeights(): Promise<{ apiKeyId: string; weight: number }[]>;
}
