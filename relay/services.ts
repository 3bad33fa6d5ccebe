import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from 'fastify';
import type { ChatInput, EmbedInput } from '../shared/protocol/messages.ts';
import type { JobType } from '../shared/protocol/subjects.ts';
import type { Principal } from './access/api-keys.ts';
import type { KeyGuard } from './access/key-guard.ts';
import type { Bus } from './fabric/bus.ts';
import type { ModelCatalog } from './fabric/model-catalog.ts';
import type { NodeTable } from './fabric/node-table.ts';
import type { JobSpec } from './jobs/job.ts';
import type { JobRunner } from './jobs/run-job.ts';
import type { RelayLog } from './log.ts';
import type { Scheduler } from './scheduler/scheduler.ts';
import type { Store } from './store/store.ts';

/** Everything a route may ask. Routes know no SQL and no NATS. */
export type RelayServices = {
  readonly version: string;
  readonly log: RelayLog;
  readonly bus: Bus;
  readonly table: NodeTable;
  readonly models: ModelCatalog;
  readonly scheduler: Scheduler;
  readonly jobs: JobRunner;
  readonly store: Store;
  readonly keys: KeyGuard;
  newJob(request: FastifyRequest, order: JobOrder): JobSpec;
  mintNodeCredentials(node: { nodeId: string; publicKey: string }): { jwt: string; expiresAt: number };
};

export type JobOrder = { type: JobType; model: string; stream: boolean; input: ChatInput | EmbedInput };

export type RelayApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** Who may call a route. A route that does not say so is refused at start. */
export type Access = 'public' | 'client' | 'admin';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
  interface FastifyRequest {
    /** Who asks; set on every route that is not public. */
    principal: Principal;
  }
}
