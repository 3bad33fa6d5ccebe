import { type Static, Type } from 'typebox';
import { ProblemRecord } from '../problems/problem-record.ts';
import { JobState } from './jobs.ts';
import { NodeSummary } from './nodes.ts';
import { Nullable } from './nullable.ts';
import { AdminStats } from './stats.ts';

/** Where a listener of `GET /v1/ws` stands; sent back as `?after=` it brings what was missed. */
const Cursor = Type.String({ pattern: '^[\\w-]{1,32}\\.\\d{1,15}$' });

/** The latest state of a job that changed. A job that changed several times within a message is in it once. */
export const JobUpdate = Type.Object({
  job: Type.String(),
  state: JobState,
  at: Type.Integer({ description: 'Milliseconds since 1970' }),
  node: Nullable(Type.String()),
  problem: Nullable(ProblemRecord),
});
export type JobUpdate = Static<typeof JobUpdate>;

/** A soft budget that was reached, once in each period. */
export const BudgetUpdate = Type.Object({
  account: Type.String({ description: 'The `account_id` of its keys' }),
  spent_micro: Type.Integer(),
  soft_budget_micro: Type.Integer(),
  budget_micro: Nullable(Type.Integer()),
  renews_at: Nullable(Type.Integer({ description: 'Milliseconds since 1970' })),
});
export type BudgetUpdate = Static<typeof BudgetUpdate>;

/** Everything anew: what was known before the message counts no more. */
const Reset = Type.Object({
  type: Type.Literal('reset'),
  cursor: Cursor,
  nodes: Type.Array(NodeSummary, { description: 'The first thousand by id' }),
  stats: AdminStats,
});

/** What has changed since the message before. */
const Update = Type.Object({
  type: Type.Literal('update'),
  cursor: Cursor,
  nodes: Type.Array(NodeSummary),
  forgotten: Type.Array(Type.String(), {
    description: 'Ids of nodes that are known no more, or no longer among the first thousand',
  }),
  jobs: Type.Array(JobUpdate, { description: 'The latest hundred' }),
  jobs_left_out: Type.Integer({
    minimum: 0,
    description: 'How many changes of other jobs there were: ask for the jobs that you show',
  }),
  budgets: Type.Array(BudgetUpdate, { description: 'Keys that have just reached their soft budget' }),
  stats: Nullable(AdminStats),
});

/** A message of `GET /v1/ws`. */
export const LiveMessage = Type.Union([Reset, Update]);
export type LiveMessage = Static<typeof LiveMessage>;

/** Why the relay closes a connection of `GET /v1/ws`, as WebSocket close codes. */
export const LIVE_CLOSE = {
  /** The session has ended: sign in again. */
  signedOut: 4401,
  /** The client read too slowly: come back with the last cursor. */
  tooSlow: 4408,
} as const;
