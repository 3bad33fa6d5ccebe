import { type Static, Type } from 'typebox';
import { FinishedJobs, JobCounts } from './job-counts.ts';
import { Nullable } from './nullable.ts';

const Count = Type.Integer({ minimum: 0 });
const Time = Type.Integer({ description: 'Milliseconds since 1970' });
const Bytes = Nullable(Type.Integer({ minimum: 0, description: 'Bytes; null where it cannot be told' }));

/** `GET /v1/admin/stats`: the relay in numbers. */
export const AdminStats = Type.Object({
  at: Time,
  since: Type.Integer({ description: 'When this relay started, in milliseconds since 1970' }),
  version: Type.String(),
  health: Type.Object({
    status: Type.Union([Type.Literal('ok'), Type.Literal('degraded')]),
    reasons: Type.Array(Type.String()),
  }),
  nodes: Type.Object({
    known: Count,
    connected: Count,
    by_status: Type.Record(Type.String(), Count, { description: 'How many of each status of `GET /v1/nodes`' }),
  }),
  slots: Type.Object({ total: Count, used: Count }),
  models: Type.Integer({ minimum: 0, description: 'Models that can be asked for' }),
  jobs: Type.Object({ ...JobCounts.properties, finished: FinishedJobs }),
  approvals: Type.Integer({ minimum: 0, description: 'Jobs and tasks that wait until a person approves them' }),
  last_minute: Type.Object(
    { jobs: Count, failed: Count, input_tokens: Count, output_tokens: Count },
    { description: 'Of the jobs that ended in the last 60 s' },
  ),
  problems: Type.Object(
    { jobs: Type.Record(Type.String(), Count), requests: Type.Record(Type.String(), Count) },
    { description: 'Since the start: jobs that ended with a problem, and requests that were refused, by code' },
  ),
  storage: Type.Object({ writable: Type.Boolean(), database_bytes: Bytes, free_bytes: Bytes }),
});
export type AdminStats = Static<typeof AdminStats>;
