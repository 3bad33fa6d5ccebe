import { type Static, Type } from 'typebox';
import { ToldJobCounts } from './job-counts.ts';

/** `GET /v1/health`. `degraded` comes with the reasons, each a sentence. */
export const Health = Type.Object({
  status: Type.Union([Type.Literal('ok'), Type.Literal('degraded')]),
  reasons: Type.Array(Type.String()),
  version: Type.String(),
  uptime_s: Type.Number(),
  nodes: Type.Integer(),
  models: Type.Integer(),
  jobs: ToldJobCounts,
});
export type Health = Static<typeof Health>;

/** `GET /v1/health/live` and `GET /healthz`. */
export const Liveness = Type.Object({ status: Type.Literal('alive') });
export type Liveness = Static<typeof Liveness>;

/** `GET /v1/health/ready` and `GET /readyz`: status 200 when `ready`, else 503 with the reasons, each a sentence. */
export const Readiness = Type.Object({
  status: Type.Union([Type.Literal('ready'), Type.Literal('not_ready')]),
  phase: Type.Union([Type.Literal('starting'), Type.Literal('serving'), Type.Literal('draining')]),
  reasons: Type.Array(Type.String()),
});
export type Readiness = Static<typeof Readiness>;
