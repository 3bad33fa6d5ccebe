import { type Static, Type } from 'typebox';
import { ProblemRecord } from '../problems/problem-record.ts';
import { Usage } from '../protocol/messages.ts';
import { Receipt } from '../receipts/receipt.ts';
import { Maybe, Nullable } from './nullable.ts';
import { RoutingRequest } from './routing.ts';

const FINAL_STATES = [
  Type.Literal('succeeded'),
  Type.Literal('failed'),
  Type.Literal('cancelled'),
  Type.Literal('expired'),
] as const;
const FinalState = Type.Union([...FINAL_STATES]);
const Time = Type.Integer({ description: 'Milliseconds since 1970' });

export const JobState = Type.Union([
  Type.Literal('awaiting_approval'),
  Type.Literal('queued'),
  Type.Literal('assigned'),
  Type.Literal('running'),
  ...FINAL_STATES,
]);
export type JobState = Static<typeof JobState>;

const Attempt = Type.Object({
  attempt: Type.Integer({ minimum: 1 }),
  nodeId: Type.String(),
  epoch: Type.Integer(),
  state: FinalState,
  problem: Nullable(ProblemRecord),
  queuedAt: Time,
  startedAt: Nullable(Time),
  finishedAt: Time,
  firstTokenAt: Nullable(Time),
});

/** A job that has ended, without its prompt and answer. */
export const FinishedJob = Type.Object({
  id: Type.String(),
  requestId: Type.String(),
  apiKeyId: Type.String(),
  type: Type.String(),
  model: Type.String(),
  stream: Type.Boolean(),
  state: FinalState,
  problem: Nullable(ProblemRecord),
  createdAt: Time,
  startedAt: Nullable(Time),
  finishedAt: Time,
  usage: Nullable(Usage),
  attempts: Type.Array(Attempt),
  receipt: Nullable(Receipt),
});
export type FinishedJob = Static<typeof FinishedJob>;

/** What keeps a job from running. */
export const JobWait = Type.Object({
  for: Type.Union(
    [
      Type.Literal('approval'),
      Type.Literal('tokens_per_minute'),
      Type.Literal('max_parallel_requests'),
      Type.Literal('node'),
    ],
    { description: 'A person, a limit of its key, or a free node' },
  ),
  until: Nullable(
    Type.Integer({ description: 'Milliseconds since 1970 at which its key may go on; null if nobody knows' }),
  ),
});
export type JobWait = Static<typeof JobWait>;

/** What only a job has that was submitted to be done later. */
export const JobOrderView = Type.Object({
  service: Type.String(),
  priority: Type.Integer(),
  deadline: Time,
  maxAttempts: Type.Integer(),
  maxWaitMs: Nullable(Type.Integer()),
  waits: Nullable(JobWait),
  resultKept: Type.Boolean({ description: 'Whether `/v1/jobs/{id}/result` has it' }),
});
export type JobOrderView = Static<typeof JobOrderView>;

/** `GET /v1/jobs/{id}`: a job in any state, never with its input. */
export const Job = Type.Object({
  ...FinishedJob.properties,
  state: JobState,
  finishedAt: Nullable(Time),
  attempts: Type.Array(
    Type.Object({
      ...Attempt.properties,
      state: Type.Union([Type.Literal('running'), ...FINAL_STATES]),
      finishedAt: Nullable(Time),
    }),
  ),
  queue: Nullable(JobOrderView),
});
export type Job = Static<typeof Job>;

/** A job in a list. */
export const JobListItem = Type.Object({
  id: Type.String(),
  requestId: Type.String(),
  apiKeyId: Type.String(),
  type: Type.String(),
  model: Type.String(),
  stream: Type.Boolean(),
  state: JobState,
  problem: Nullable(ProblemRecord),
  createdAt: Time,
  startedAt: Nullable(Time),
  finishedAt: Nullable(Time),
  usage: Nullable(Usage),
});
export type JobListItem = Static<typeof JobListItem>;

export const JobPage = Type.Object({
  data: Type.Array(JobListItem),
  next: Nullable(Type.String({ description: 'Pass as `after` for the next page; null on the last' })),
});
export type JobPage = Static<typeof JobPage>;

/** Query of `GET /v1/jobs` and `GET /v1/admin/jobs`. */
export const JobPageQuery = Type.Object(
  {
    limit: Type.Optional(Type.String({ pattern: '^[0-9]{1,4}$', description: '1 to 1,000; 100 by default' })),
    after: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    state: Type.Optional(
      Type.String({
        maxLength: 128,
        description:
          'Only jobs in these states, comma between: awaiting_approval, queued, assigned, running, succeeded, failed, ' +
          'cancelled, expired; any by default',
      }),
    ),
  },
  { additionalProperties: false },
);
export type JobPageQuery = Static<typeof JobPageQuery>;

/** Who is told of an end. */
export const Webhook = Type.Object(
  {
    url: Type.String({ pattern: '^https?://', maxLength: 2_048 }),
    secret: Type.String({ minLength: 16, maxLength: 256, description: 'Signs what is sent, as Standard Webhooks' }),
  },
  { additionalProperties: false, description: 'Told of the end with a CloudEvent, without the result' },
);

/** Body of `POST /v1/jobs`. The form of `input` is that of the service. */
export const JobRequest = Type.Object(
  {
    service: Type.String({ minLength: 1, maxLength: 64, description: 'Such as llm/inference or embed/text' }),
    input: Type.Unknown(),
    model: Maybe(
      Type.String({ minLength: 1, maxLength: 256, description: 'Else that of the input, else one that a node serves' }),
    ),
    routing: Maybe(RoutingRequest),
    priority: Maybe(
      Type.Integer({ minimum: -100, maximum: 100, description: 'Higher goes first among the jobs of this key; 0' }),
    ),
    deadline: Maybe(
      Type.Integer({ minimum: 0, description: 'Milliseconds since 1970 after which it expires; a day from now' }),
    ),
    max_attempts: Maybe(Type.Integer({ minimum: 1, maximum: 20, description: 'On how many nodes it is tried; 3' })),
    webhook: Maybe(Webhook),
    max_wait_ms: Maybe(
      Type.Integer({ minimum: 1, maximum: 604_800_000, description: 'How long it may wait for its first node' }),
    ),
  },
  {
    additionalProperties: false,
    examples: [
      {
        service: 'llm/inference',
        model: 'sparewatt/demo-chat',
        input: { messages: [{ role: 'user', content: 'What is 17 + 25?' }] },
      },
      { service: 'embed/text', input: ['a spare GPU'], priority: 5, max_wait_ms: 60_000 },
    ],
  },
);
export type JobRequest = Static<typeof JobRequest>;

/** `GET /v1/jobs/{id}/result` of a job that succeeded. */
export const JobResult = Type.Object({
  id: Type.String(),
  state: Type.Literal('succeeded'),
  result: Type.Unknown({ description: '`text`, `embeddings` or the output of the capability' }),
});
export type JobResult = Static<typeof JobResult>;

/** Answer to `POST /v1/jobs` with `Prefer: wait=SECONDS` when the job ended within that time. */
export const JobOutcome = Type.Object({
  id: Type.String(),
  state: FinalState,
  problem: Nullable(ProblemRecord),
  result: Type.Unknown({ description: 'As `/v1/jobs/{id}/result` has it; null of a job that did not succeed' }),
});
export type JobOutcome = Static<typeof JobOutcome>;

/** The data of an event of `GET /v1/jobs/{id}/events`; the event's id is `seq`. */
export const JobEvent = Type.Object({
  job: Type.String(),
  seq: Type.Integer({ minimum: 1 }),
  at: Time,
  state: JobState,
  node: Nullable(Type.String()),
  attempt: Nullable(Type.Integer()),
  problem: Nullable(ProblemRecord),
});
export type JobEvent = Static<typeof JobEvent>;

/** Body of `POST /v1/admin/queue/weights`. */
export const KeyWeight = Type.Object(
  {
    key: Type.String({ minLength: 1, maxLength: 64, description: 'Id of an API key' }),
    weight: Type.Integer({ minimum: 1, maximum: 1_000, description: 'Turns it gets for each of a key of weight 1' }),
  },
  { additionalProperties: false, examples: [{ key: 'key_0123456789abcdef', weight: 3 }] },
);
export type KeyWeight = Static<typeof KeyWeight>;

/** `GET /v1/admin/queue`: who waits, by key. */
export const QueueView = Type.Object({
  waiting: Type.Integer(),
  keys: Type.Array(Type.Object({ key: Type.String(), waiting: Type.Integer(), weight: Type.Integer() })),
});
export type QueueView = Static<typeof QueueView>;
