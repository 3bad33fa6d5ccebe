import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from 'fastify';
import type { JobCounts } from '../shared/api/job-counts.ts';
import type { AdminStats } from '../shared/api/stats.ts';
import type { JobInput } from '../shared/protocol/messages.ts';
import type { JobType } from '../shared/protocol/subjects.ts';
import type { Principal, Scope } from './access/api-keys.ts';
import type { KeyAdmin } from './access/key-admin.ts';
import type { KeyGuard } from './access/key-guard.ts';
import type { OperatorSessions } from './access/operator-sessions.ts';
import type { ParallelLimits } from './access/parallel-limits.ts';
import type { RateLimits } from './access/rate-limits.ts';
import type { SessionCookie } from './access/session-cookie.ts';
import type { SignatureGuard } from './access/signature-guard.ts';
import type { Batches } from './batches/batches.ts';
import type { ShownSetting } from './config/shown-settings.ts';
import type { Billing } from './credits/billing.ts';
import type { Bus } from './fabric/bus/bus.ts';
import type { CapabilityView } from './fabric/documents/capability-view.ts';
import type { Discovery } from './fabric/documents/discovery.ts';
import type { Freshness } from './fabric/documents/documents-freshness.ts';
import type { ModelCatalog } from './fabric/documents/model-catalog.ts';
import type { OpenListener } from './fabric/nats-server/bus-listener-url.ts';
import type { Homecoming } from './fabric/nodes/homecoming.ts';
import type { NodeAdmin } from './fabric/nodes/node-admin.ts';
import type { NodeDirectory } from './fabric/nodes/node-directory.ts';
import type { NodeTable } from './fabric/nodes/node-table.ts';
import type { FileDepot } from './files/file-depot.ts';
import type { JobFiles } from './files/job-files.ts';
import type { JobSpec } from './jobs/job.ts';
import type { JobQueue } from './jobs/queue/job-queue.ts';
import type { JobRunner } from './jobs/run-job.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Activity } from './live/activity.ts';
import type { LiveFeed } from './live/live-feed.ts';
import type { RelayLog } from './log.ts';
import type { RelayMetrics } from './metrics/relay-metrics.ts';
import type { Miners } from './miners/miners.ts';
import type { AddressGuard } from './outbound/guarded-lookup.ts';
import type { NodeControl } from './pairing/node-control.ts';
import type { NodeRegister } from './pairing/node-register.ts';
import type { Pairing } from './pairing/pairing.ts';
import type { PictureFetcher } from './pictures/picture-fetcher.ts';
import type { LogKeeper } from './receipts/log/log-keeper.ts';
import type { ServiceRegistry } from './registry/service-registry.ts';
import type { Repeats } from './repeats/repeats.ts';
import type { Scheduler } from './scheduler/scheduler.ts';
import type { Store, StoreHealth } from './store/store.ts';
import type { Approvals } from './tasks/approvals.ts';
import type { Tasks } from './tasks/tasks.ts';
import type { Tracing } from './tracing/tracing.ts';

/** Everything a route may ask. Routes know no SQL and no NATS. */
export type RelayServices = {
  readonly version: string;
  /** The configuration this relay runs with, without secrets. */
  readonly settings: readonly ShownSetting[];
  readonly lifecycle: Lifecycle;
  readonly log: RelayLog;
  readonly bus: Bus;
  readonly table: NodeTable;
  readonly homecoming: Homecoming;
  readonly models: ModelCatalog;
  readonly scheduler: Scheduler;
  readonly jobs: JobRunner;
  readonly queue: JobQueue;
  readonly batches: Batches;
  /** Makes what a client may ask for again once. */
  readonly repeats: Repeats;
  /** Where webhooks may lie. */
  readonly webhookAddresses: AddressGuard;
  readonly store: Store;
  readonly receiptLog: LogKeeper;
  /** The key that signs receipts and tree heads, `N…`. */
  readonly relayKey: string;
  /** The key that attests receipts, `N…`; absent where the coordinator has none. */
  readonly attestationKey: string | undefined;
  readonly keys: KeyGuard;
  readonly keyAdmin: KeyAdmin;
  readonly signatures: SignatureGuard;
  readonly billing: Billing;
  readonly rateLimits: RateLimits;
  readonly parallelLimits: ParallelLimits;
  /** Operators who have signed in with a browser. */
  readonly operatorSessions: OperatorSessions;
  readonly sessionCookie: SessionCookie;
  readonly activity: Activity;
  readonly liveFeed: LiveFeed;
  readStats(): Promise<AdminStats>;
  countJobs(): JobCounts;
  readonly metrics: RelayMetrics;
  /** Absent while no collector is named. */
  readonly tracing: Tracing | undefined;
  readonly freshness: Freshness;
  readonly discovery: Discovery;
  readonly capabilities: CapabilityView;
  /**
   * Counts one request of the key, or as many at once; `model` is null where lines name their own. Errors: `invalid_api_key` for a
   * key that was revoked since it was let in, `insufficient_scope` for the model, `rate_limit_exceeded`.
   */
  admit(principal: Principal, model: string | null, requests?: number): void;
  /**
   * Takes a slot of the key until the request is answered. Errors: those of `admit`, `parallel_limit_exceeded`,
   * `insufficient_credits`, `budget_exceeded`, and `storage_failed` while records of earlier jobs cannot be written.
   */
  newJob(request: FastifyRequest, order: JobOrder): JobSpec;
  /** Several for one model, each counted as a request: all of them or none. Errors: those of `newJob`. */
  newJobs(request: FastifyRequest, model: string, orders: readonly JobOrder[]): JobSpec[];
  /** How every known node stands with this relay, at hand. */
  readonly register: NodeRegister;
  readonly pairing: Pairing;
  readonly nodeControl: NodeControl;
  readonly nodeAdmin: NodeAdmin;
  readonly directory: NodeDirectory;
  /** Nodes that have nothing but HTTP. */
  readonly miners: Miners;
  readonly registry: ServiceRegistry;
  readonly files: FileDepot;
  /** What nodes may fetch and hand over for their jobs. */
  readonly jobFiles: JobFiles;
  /** Of addresses that clients name. */
  readonly pictures: PictureFetcher;
  readonly tasks: Tasks;
  /** Whether new work can be written down; tries a write. Never rejects. */
  storageHealth(): Promise<StoreHealth>;
  /** Where a person approves tasks first; absent where none is asked. */
  readonly approvals: Approvals | undefined;
  /** Where the relay is reached from elsewhere, as its operator says. */
  readonly publicUrl: string | undefined;
  /** Where nodes reach the bus past the relay's own process. */
  readonly busListener: OpenListener | undefined;
};

export type JobOrder = Pick<JobSpec, 'routing' | 'affinity' | 'service' | 'files' | 'fetched'> & {
  type: JobType;
  model: string;
  stream: boolean;
  input: JobInput;
  /** Where the relay's own limit does not fit. */
  maxWaitMs?: number;
  waitsForNodes?: boolean;
  stallTimeoutMs?: number;
};

export type RelayApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/**
 * Who may call a route: those with a scope, or anybody; one of `attempt` itself asks for the token of one. A route that
 * does not say so is refused at start.
 */
export type Access = Scope | 'public' | 'attempt';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
    /** Set where an answer is owed until the last connection is gone. */
    answersWhileClosing?: boolean;
    /** Whose clients read its errors; what all others answer is RFC 9457 and OpenAI's in one. */
    errorForm?: 'anthropic';
    /** Looks at a JSON body and at its text, before the body is checked. */
    beforeChecks?(body: unknown, text: string): void;
  }
  interface FastifyRequest {
    /** Who asks; set on every route that is not public. */
    principal: Principal;
    /** Where it is answered; set once it is known who asks. */
    answer: ServerResponse | undefined;
  }
}
