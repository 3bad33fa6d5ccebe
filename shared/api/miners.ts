import { type Static, Type } from 'typebox';
import { NodePolicy } from '../policy/node-policy.ts';
import { CAPABILITIES, Hardware, ServedModel, Software, Tools } from '../protocol/capabilities.ts';
import {
  CapabilityJobRequest,
  EmbedJobRequest,
  Execution,
  FinishReason,
  JsonInput,
  LlmJobRequest,
} from '../protocol/messages.ts';
import { NodeName, NodeProof, Signature } from '../protocol/pairing.ts';
import { Nullable } from './nullable.ts';

const strict = { additionalProperties: false } as const;
const Count = Type.Integer({ minimum: 0 });
const Text = Type.String({ maxLength: 256 });
const Slots = Type.Integer({ minimum: 1, maximum: 256, description: 'Jobs at a time' });

/** How long one poll may be held. */
export const LONGEST_POLL_MS = 30_000;

/** A model that a miner serves; what it leaves out is told as not known. */
export const MinerModel = Type.Object(
  {
    name: ServedModel.properties.name,
    type: Type.Enum(CAPABILITIES),
    revision: Type.Optional(Text),
    dtype: Type.Optional(Text),
    device: Type.Optional(Text),
    size_bytes: Type.Optional(Count),
    context_length: Type.Optional(Type.Integer({ minimum: 1, description: 'Tokens; 4,096 when absent' })),
    dimensions: Type.Optional(Count),
    constrained: Type.Optional(Type.Boolean({ description: 'Whether answers are held to `format` and `toolChoice`' })),
    license: Type.Optional(Text),
  },
  strict,
);
export type MinerModel = Static<typeof MinerModel>;

const { hours: _hours, finish_running: _finish, ...PolicyWithoutHours } = NodePolicy.properties;

/** What a miner says of itself, in the field names of the capability document. */
export const MinerDocument = Type.Object(
  {
    version: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'Of the program' })),
    served_models: Type.Array(MinerModel, { minItems: 1, maxItems: 1_000 }),
    hardware: Type.Optional(Type.Partial(Hardware)),
    software: Type.Optional(Type.Partial(Software)),
    tools: Type.Optional(Tools),
    job_files: Type.Optional(
      Type.Boolean({ description: 'Whether it fetches what an input stands for, and so takes jobs with large files' }),
    ),
    /** What its owner lets it run; the relay applies it before the miner sees a job. Hours are the miner's own business. */
    policy: Type.Optional(Type.Object(PolicyWithoutHours, strict)),
  },
  strict,
);
export type MinerDocument = Static<typeof MinerDocument>;

const DOCUMENT = {
  served_models: [
    { name: 'toy/parrot', type: 'llm', context_length: 4096 },
    { name: 'toy/letters', type: 'embed', dimensions: 26 },
  ],
};

/** `POST /v1/miners/register` */
export const MinerRegistration = Type.Object(
  {
    /** Becomes the readable part of the node's id. */
    name: NodeName,
    /** One-time code of the operator. Not needed on the relay's own machine, or with the admin token or an own token. */
    code: Type.Optional(Type.String({ minLength: 12, maxLength: 32 })),
    slots: Type.Optional(Slots),
    document: MinerDocument,
    /** An Ed25519 key of the miner's own, with which it signs its part of receipts. */
    publicKey: Type.Optional(Type.String({ pattern: '^U[A-Z2-7]{55}$' })),
    /** Shows that it holds the key: the answer to `POST /v1/pairing/challenge`, signed as for an enrolment. */
    proof: Type.Optional(NodeProof),
  },
  { ...strict, examples: [{ name: 'python-miner', code: 'K7QF-2M9X-HB4T', slots: 1, document: DOCUMENT }] },
);
export type MinerRegistration = Static<typeof MinerRegistration>;

const State = Type.Enum(['active', 'pending', 'draining', 'drained'], {
  description: '`pending` until the operator approves; `drained` until it registers again',
});
export type MinerState = Static<typeof State>;
const Epoch = Nullable(Type.Integer({ description: 'Number of the session; null without one' }));

export const RegisteredMiner = Type.Object({
  nodeId: Type.String(),
  token: Nullable(
    Type.String({ description: 'Sent as a bearer token from now on, told once; null when it was shown' }),
  ),
  state: State,
  epoch: Epoch,
  leaseMs: Type.Integer({ description: 'A miner that sends no request for this long loses its session and its jobs' }),
  heartbeatIntervalMs: Type.Integer(),
  longestPollMs: Type.Integer(),
});
export type RegisteredMiner = Static<typeof RegisteredMiner>;

/** Beyond any model and any job: what is larger is a mistake, and must not reach a sum. */
const MOST_TOKENS = 1_000_000_000;
const MOST_MS = 1_000_000_000;
const Tokens = Type.Integer({ minimum: 0, maximum: MOST_TOKENS });
const Ms = Type.Number({ minimum: 0, maximum: MOST_MS });

/** One attempt at a job, as the relay named it. */
const AttemptName = {
  job: Type.String({ minLength: 1, maxLength: 64 }),
  attempt: Type.Integer({ minimum: 1 }),
  epoch: Type.Integer({ minimum: 1 }),
};
export const AttemptNamed = Type.Object(AttemptName);
export type AttemptNamed = Static<typeof AttemptNamed>;
const ATTEMPT = { job: 'job_1', attempt: 1, epoch: 7 };
const Cancelled = Type.Array(AttemptNamed, { description: 'Attempts whose results nobody wants any more' });

/** `POST /v1/miners/heartbeat`; what is given takes the place of what was registered. */
export const MinerHeartbeat = Type.Object(
  { slots: Type.Optional(Slots), served_models: Type.Optional(MinerDocument.properties.served_models) },
  { ...strict, examples: [{}, { slots: 2 }] },
);
export type MinerHeartbeat = Static<typeof MinerHeartbeat>;

export const MinerHeard = Type.Object({
  nodeId: Type.String(),
  state: State,
  epoch: Epoch,
  leaseMs: Type.Integer(),
  cancel: Cancelled,
});
export type MinerHeard = Static<typeof MinerHeard>;

/** `POST /v1/miners/poll` */
export const MinerPoll = Type.Object(
  {
    waitMs: Type.Optional(
      Type.Integer({ minimum: 0, maximum: LONGEST_POLL_MS, description: 'How long to wait for a job' }),
    ),
  },
  { ...strict, examples: [{ waitMs: 10_000 }] },
);
export type MinerPoll = Static<typeof MinerPoll>;

/** In the headers of its message where a node has a line to the bus (SPEC W1). */
const Traced = {
  traceparent: Type.Optional(
    Type.String({
      pattern: '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$',
      description: "The attempt's place in its client's trace (W3C Trace Context), where somebody looks",
    }),
  ),
};
/** What a node on the bus is asked, and where that belongs in a trace. */
export const MinerJob = Type.Union([
  Type.Object({ ...LlmJobRequest.properties, ...Traced }),
  Type.Object({ ...EmbedJobRequest.properties, ...Traced }),
  Type.Object({ ...CapabilityJobRequest.properties, ...Traced }),
]);
export type MinerJob = Static<typeof MinerJob>;

export const MinerWork = Type.Object({
  request: Nullable(MinerJob),
  cancel: Cancelled,
});
export type MinerWork = Static<typeof MinerWork>;

/** `POST /v1/miners/result`: the end of an attempt, or with `partial` a piece of its text. */
export const MinerResult = Type.Object(
  {
    ...AttemptName,
    partial: Type.Optional(Type.Boolean({ description: 'More follows; the text is passed on at once' })),
    seq: Type.Optional(Type.Integer({ minimum: 0, description: 'Counts the pieces; one that comes again is ignored' })),
    text: Type.Optional(Type.String({ description: 'Of an `llm` job: all of it, or the rest after the pieces' })),
    tokens: Type.Optional(Tokens),
    toolCalls: Type.Optional(
      Type.Array(Type.Object({ name: Text, arguments: Type.String({ description: 'JSON' }) }, strict), {
        maxItems: 128,
      }),
    ),
    finishReason: Type.Optional(FinishReason),
    vectors: Type.Optional(
      Type.Array(Type.Array(Type.Number(), { minItems: 1, maxItems: 65_536 }), {
        maxItems: 2_048,
        description: 'Of an `embed` job: one for each input, in order',
      }),
    ),
    output: Type.Optional(JsonInput),
    usage: Type.Optional(Type.Object({ inputTokens: Tokens, outputTokens: Tokens }, strict)),
    timings: Type.Optional(Type.Object({ firstTokenMs: Ms, totalMs: Ms }, strict)),
    execution: Type.Optional(Execution),
    /** Under the node's part of the receipt (SPEC V1), by the key that was registered. */
    signature: Type.Optional(Signature),
  },
  {
    ...strict,
    examples: [
      { ...ATTEMPT, text: 'Polly wants a cracker.', usage: { inputTokens: 4, outputTokens: 4 } },
      { ...ATTEMPT, partial: true, seq: 0, text: 'Polly ' },
      { ...ATTEMPT, vectors: [[0.6, 0.8]], usage: { inputTokens: 2, outputTokens: 0 } },
      { ...ATTEMPT, output: { text: 'what was said' } },
    ],
  },
);
export type MinerResult = Static<typeof MinerResult>;

/** What a miner may call its failure: each says whether the job may succeed elsewhere. */
export const FAILURE_CODES = [
  'node_fault',
  'model_load_failed',
  'handed_back',
  'job_failed',
  'job_timeout',
  'context_length_exceeded',
  'unsupported_content',
  'invalid_value',
] as const;

/** `POST /v1/miners/fail` */
export const MinerFailure = Type.Object(
  {
    ...AttemptName,
    code: Type.Optional(Type.Enum(FAILURE_CODES)),
    message: Type.String({ minLength: 1, maxLength: 1_000, description: 'A sentence for whoever asked' }),
    retry: Type.Optional(Type.Boolean({ description: 'Whether another node may try; as the code says when absent' })),
  },
  { ...strict, examples: [{ ...ATTEMPT, code: 'node_fault', message: 'The card ran out of memory.', retry: true }] },
);
export type MinerFailure = Static<typeof MinerFailure>;

/** The word was taken. */
export const MinerAck = Type.Object({ accepted: Type.Literal(true) });

/** `POST /v1/miners/drain`: no new jobs; the node leaves with its last one. */
export const MinerDrain = Type.Object({}, { ...strict, examples: [{}] });
export const MinerDrained = Type.Object({ state: State, running: Count });
export type MinerDrained = Static<typeof MinerDrained>;
