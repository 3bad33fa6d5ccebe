import { type Static, Type } from 'typebox';
import { Health } from './health.ts';
import { FinishedJobs, ToldJobCounts } from './job-counts.ts';
import { Model } from './models.ts';

/** Moves when a reader of saved snapshots would have to be changed. */
export const SNAPSHOT_FORMAT = 1;

const open = { additionalProperties: true };

/** A node with an open session. `document` is what the node said of itself, whole; readers rely on these parts of it. */
export const SnapshotNode = Type.Object({
  node_id: Type.String(),
  epoch: Type.Integer(),
  instance: Type.String(),
  slots: Type.Integer(),
  /** Slots taken at the node's last beat, by whomever; older snapshots do not say. */
  used: Type.Optional(Type.Integer()),
  reserved: Type.Integer(),
  age_s: Type.Number({ description: 'Seconds since the node was last heard' }),
  /** What the operator decided about the node; older snapshots do not say. */
  standing: Type.Optional(
    Type.Object({
      state: Type.String({ description: 'active, cordoned or draining' }),
      reason: Type.Union([Type.String(), Type.Null()]),
      since: Type.Union([Type.Number(), Type.Null()], { description: 'Milliseconds since 1970' }),
      labels: Type.Readonly(Type.Record(Type.String(), Type.String())),
      trust: Type.String(),
    }),
  ),
  document: Type.Object(
    {
      node_id: Type.String(),
      version: Type.String(),
      protocol: Type.Integer(),
      served_models: Type.Array(Type.Object({ name: Type.String() }, open)),
    },
    open,
  ),
});
export type SnapshotNode = Static<typeof SnapshotNode>;

/** `GET /v1/admin/snapshot`: the whole state of a relay at one moment. Holds no secret, no prompt and no answer. */
export const Snapshot = Type.Object({
  format: Type.Literal(SNAPSHOT_FORMAT),
  taken_at: Type.String({ description: 'ISO 8601, UTC' }),
  version: Type.String(),
  protocol: Type.Object({ version: Type.Integer(), limits: Type.Record(Type.String(), Type.Number()) }),
  health: Health,
  nodes: Type.Array(SnapshotNode),
  node_count: Type.Integer(),
  models: Type.Array(Model),
  served_models: Type.Array(
    Type.Object({ name: Type.String(), type: Type.String(), node: Type.String(), node_age_s: Type.Number() }, open),
    { description: 'Each model of each node, under the field names of the global view' },
  ),
  jobs: Type.Object({
    ...ToldJobCounts.properties,
    finished: FinishedJobs,
  }),
  config: Type.Array(
    Type.Object({
      setting: Type.String(),
      value: Type.Unknown(),
      origin: Type.String(),
      place: Type.Union([Type.String(), Type.Null()]),
    }),
    { description: 'What the relay runs with and where each value came from; secrets are hidden' },
  ),
});
export type Snapshot = Static<typeof Snapshot>;
