import { type Static, Type } from 'typebox';
import { ProblemRecord } from '../problems/problem-record.ts';
import { PLAIN_TEXT } from '../protocol/plain-text.ts';
import { JOB_TYPES } from '../protocol/subjects.ts';
import { Maybe, Nullable } from './nullable.ts';

const Time = Type.Integer({ description: 'Milliseconds since 1970' });
const Milliseconds = Type.Number({ description: 'Milliseconds' });
const Slots = Type.Object({ total: Type.Integer(), used: Type.Integer() });
const Reason = Maybe(Type.String({ minLength: 1, maxLength: 256 }));

/** Where a node is in its life, as its operator sees it. */
export const NodeStatus = Type.Union(
  [
    Type.Literal('ready'),
    Type.Literal('full'),
    Type.Literal('closed'),
    Type.Literal('cordoned'),
    Type.Literal('draining'),
    Type.Literal('drained'),
    Type.Literal('offline'),
    Type.Literal('pending'),
    Type.Literal('revoked'),
  ],
  {
    description:
      '`closed` is one that its owner keeps for other things; `drained` is a draining node without jobs; `pending` waits for approval',
  },
);
export type NodeStatus = Static<typeof NodeStatus>;

/** How a node reaches its relay: by the bus, or as a miner that has nothing but HTTP. */
export const NodeKind = Type.Enum(['nats', 'http']);
export type NodeKind = Static<typeof NodeKind>;

/** A node that this relay knows, connected or not. */
export const NodeSummary = Type.Object({
  id: Type.String(),
  name: Type.String(),
  kind: NodeKind,
  status: NodeStatus,
  connected: Type.Boolean(),
  reason: Nullable(Type.String({ description: 'Why it is cordoned or drained, in the words of the operator' })),
  since: Nullable(Type.Integer({ description: 'Since when it is, in milliseconds since 1970' })),
  labels: Type.Record(Type.String(), Type.String()),
  trust: Type.String({ description: 'paired, local, approved or probation' }),
  slots: Slots,
  models: Type.Array(Type.Object({ name: Type.String(), type: Type.String(), state: Type.String() })),
  capabilities: Type.Array(Type.String()),
  first_seen_at: Time,
  last_seen_at: Nullable(Time),
});
export type NodeSummary = Static<typeof NodeSummary>;

export const NodePage = Type.Object({
  data: Type.Array(NodeSummary),
  next: Nullable(Type.String({ description: 'Pass as `after` for the next page; null on the last' })),
});
export type NodePage = Static<typeof NodePage>;

/** Query of `GET /v1/nodes` and `GET /v1/admin/miners`. */
export const NodePageQuery = Type.Object(
  {
    limit: Type.Optional(Type.String({ pattern: '^[0-9]{1,4}$', description: '1 to 1,000; 100 by default' })),
    after: Type.Optional(Type.String({ maxLength: 64 })),
  },
  { additionalProperties: false },
);

/** Everything the relay knows of one node; `document` is what the node says of itself. */
export const NodeDetails = Type.Object({
  ...NodeSummary.properties,
  epoch: Nullable(Type.Integer()),
  version: Nullable(Type.String()),
  round_trip_ms: Nullable(Milliseconds),
  document: Nullable(Type.Object({}, { additionalProperties: true })),
});
export type NodeDetails = Static<typeof NodeDetails>;

/** `GET /v1/nodes/{id}/health`; what is measured was measured by the relay. */
export const NodeHealth = Type.Object({
  id: Type.String(),
  status: NodeStatus,
  healthy: Type.Boolean({ description: 'Whether it would be given a job' }),
  reasons: Type.Array(Type.String()),
  heard_ms_ago: Nullable(Milliseconds),
  lease_left_ms: Nullable(Milliseconds),
  round_trip_ms: Nullable(Milliseconds),
  slots: Slots,
  attempts: Type.Object({ succeeded: Type.Number(), failed: Type.Number() }),
  models: Type.Array(
    Type.Object({
      model: Type.String(),
      first_token_ms: Nullable(Milliseconds),
      tokens_per_s: Nullable(Type.Number()),
      load_ms: Nullable(Milliseconds),
      samples: Type.Integer(),
    }),
  ),
});
export type NodeHealth = Static<typeof NodeHealth>;

/** Body of `cordon`. */
export const CordonRequest = Type.Object(
  { reason: Reason },
  { additionalProperties: false, examples: [{ reason: 'a new graphics card' }] },
);

/** Body of `drain`: the answer comes when the node has no jobs any more, or after `deadline_ms`. */
export const DrainRequest = Type.Object(
  { reason: Reason, deadline_ms: Maybe(Type.Integer({ minimum: 0, maximum: 3_600_000 })) },
  { additionalProperties: false, examples: [{ reason: 'moving house', deadline_ms: 60_000 }] },
);

/** Body of `labels`: what is named is set, `null` takes a label away, the others stay. */
export const LabelsRequest = Type.Object(
  {
    labels: Type.Record(
      Type.String({ pattern: '^[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?$' }),
      Nullable(Type.String({ maxLength: 64, pattern: PLAIN_TEXT })),
      { maxProperties: 32, additionalProperties: false },
    ),
  },
  { additionalProperties: false, examples: [{ labels: { room: 'attic', old: null } }] },
);

/** Body of `POST /v1/nodes/{id}/tasks`. The form of `input` is that of the type's own endpoint. */
export const TaskRequest = Type.Object(
  {
    type: Maybe(Type.String({ description: `One of ${JOB_TYPES.join(', ')}` })),
    service: Maybe(Type.String({ description: 'Another name for type' })),
    model: Maybe(Type.String({ minLength: 1, maxLength: 256, description: 'By default the first one of the type' })),
    input: Type.Unknown(),
    max_wait_ms: Maybe(Type.Integer({ minimum: 0, maximum: 600_000 })),
  },
  {
    additionalProperties: false,
    examples: [
      {
        type: 'llm',
        model: 'sparewatt/demo-chat',
        input: { messages: [{ role: 'user', content: 'What is 17 + 25?' }] },
      },
      { type: 'embed', input: ['a spare GPU'] },
    ],
  },
);
export type TaskRequest = Static<typeof TaskRequest>;

export const TaskState = Type.Union([
  Type.Literal('awaiting_approval'),
  Type.Literal('refused'),
  Type.Literal('expired'),
  Type.Literal('running'),
  Type.Literal('succeeded'),
  Type.Literal('failed'),
  Type.Literal('cancelled'),
]);
export type TaskState = Static<typeof TaskState>;

/** A job that was sent to one node, to be asked for by its id. */
export const Task = Type.Object({
  id: Type.String(),
  job: Type.String(),
  node: Type.String(),
  type: Type.String(),
  model: Type.String(),
  state: TaskState,
  created_at: Time,
  finished_at: Nullable(Time),
  result: Nullable(
    Type.Unknown({ description: 'Of the type; null until it succeeded and when it is not kept any more' }),
  ),
  result_kept: Type.Boolean({ description: 'False when the result was forgotten; the record of the job stays' }),
  problem: Nullable(ProblemRecord),
});
export type Task = Static<typeof Task>;

/** A task that waits until the operator has said yes or no. */
export const PendingTask = Type.Object({
  ...Task.properties,
  client: Type.String({ description: 'Id of the key that asks' }),
  input_sha256: Type.String({ description: 'Of the canonical JSON of the input, hex: what is approved is what runs' }),
  expires_at: Time,
});
export type PendingTask = Static<typeof PendingTask>;

export const PendingTasks = Type.Object({ data: Type.Array(PendingTask), next: Type.Null() });
export type PendingTasks = Static<typeof PendingTasks>;

/** The same with the input, for the person who decides. */
export const PendingTaskDetails = Type.Object({ ...PendingTask.properties, input: Type.Unknown() });
export type PendingTaskDetails = Static<typeof PendingTaskDetails>;

/** Body of `approve`: with the hash the answer is no when it is another input than the person has seen. */
export const ApproveRequest = Type.Object(
  { input_sha256: Maybe(Type.String({ pattern: '^[0-9a-f]{64}$' })) },
  { additionalProperties: false, examples: [{}] },
);

/** Body of `refuse`; the asker hears the reason. */
export const RefuseRequest = Type.Object(
  { reason: Reason },
  { additionalProperties: false, examples: [{ reason: 'not on this machine' }] },
);
