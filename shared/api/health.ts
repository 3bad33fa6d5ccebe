import { type Static, Type } from 'typebox';

/** `GET /v1/health`. `degraded` comes with the reasons, each a sentence. */
export const Health = Type.Object({
  status: Type.Union([Type.Literal('ok'), Type.Literal('degraded')]),
  reasons: Type.Array(Type.String()),
  version: Type.String(),
  uptime_s: Type.Number(),
  nodes: Type.Integer(),
  models: Type.Integer(),
  jobs: Type.Object({ running: Type.Integer(), waiting: Type.Integer() }),
});
export type Health = Static<typeof Health>;
