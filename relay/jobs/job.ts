import type { FetchedPictures, JobInput } from '../../shared/protocol/messages.ts';
import type { JobType } from '../../shared/protocol/subjects.ts';
import type { JobFileRun } from '../files/job-files.ts';
import type { Affinity } from '../scheduler/affinity.ts';
import type { Routing } from '../scheduler/routing.ts';
import type { AttemptRecord } from '../store/store.ts';
import type { JobTrace } from '../tracing/job-trace.ts';

/** One unit of work as the relay holds it while it runs. */
export type JobSpec = {
  readonly id: string;
  readonly receiptId: string;
  readonly requestId: string;
  readonly apiKeyId: string;
  readonly type: JobType;
  /** The registry id that it was asked by; that of its type when absent. */
  readonly service?: string | undefined;
  readonly model: string;
  /** Whether the node sends text as it is made. */
  readonly stream: boolean;
  /** What its client sent to know the receipt by. */
  readonly nonce?: string | undefined;
  /** What of the key's credits is held for it, in millionths; its charge ends there. */
  readonly holdMicro?: number | undefined;
  readonly input: JobInput;
  /** The pictures behind addresses in `input`. */
  readonly fetched?: FetchedPictures | undefined;
  /** Files that its node fetches and hands over. */
  readonly files?: Pick<JobFileRun, 'grant' | 'end'> | undefined;
  /** What its caller wants of its node; anything, when absent. */
  readonly routing?: Routing | undefined;
  /** Which other jobs it had better meet the node of. */
  readonly affinity?: Affinity | undefined;
  /** Since when it waits for its first attempt, where it waited before it was handed over. Milliseconds since 1970. */
  readonly queuedAt?: number | undefined;
  /** How long the job may wait for a slot, run altogether, and go without a word from its node. */
  readonly maxWaitMs: number;
  /** Whether its client has said how long to wait, and so waits also while no node of its model is here. */
  readonly waitsForNodes?: boolean | undefined;
  readonly timeoutMs: number;
  readonly stallTimeoutMs: number;
  /** How many attempts there may be, with those of `earlier`; 3 when absent. */
  readonly maxAttempts?: number | undefined;
  /** Attempts of earlier runs, when the job is run again. */
  readonly earlier?: readonly AttemptRecord[] | undefined;
  /** Follows the job to its nodes; absent where nobody looks. */
  readonly trace?: JobTrace | undefined;
};
