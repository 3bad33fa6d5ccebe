import { type Static, Type } from 'typebox';
import { ProblemRecord } from '../problems/problem.ts';
import { LIMITS } from './limits.ts';
import { CAPABILITY_TYPES } from './subjects.ts';

const Count = Type.Integer({ minimum: 0 });
const Milliseconds = Type.Number({ minimum: 0 });
const Epoch = Type.Integer({ minimum: 1 });

/** One message of a conversation, already reduced to text. */
export const ChatMessage = Type.Object({
  role: Type.Union([Type.Literal('system'), Type.Literal('user'), Type.Literal('assistant'), Type.Literal('tool')]),
  content: Type.String(),
});
export type ChatMessage = Static<typeof ChatMessage>;

/** What a language model is asked. `null` means "the model's own default". */
export const ChatInput = Type.Object({
  messages: Type.Array(ChatMessage, { minItems: 1 }),
  maxTokens: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
  temperature: Type.Union([Type.Number({ minimum: 0, maximum: 2 }), Type.Null()]),
  topP: Type.Union([Type.Number({ minimum: 0, maximum: 1 }), Type.Null()]),
  seed: Type.Union([Type.Integer(), Type.Null()]),
  stop: Type.Array(Type.String({ minLength: 1 }), { maxItems: LIMITS.maxStopSequences }),
});
export type ChatInput = Static<typeof ChatInput>;

/** What an embedding model is asked: texts, or texts that the client has tokenized itself. */
export const EmbedInput = Type.Object({
  inputs: Type.Array(Type.Union([Type.String(), Type.Array(Count)]), {
    minItems: 1,
    maxItems: LIMITS.maxEmbeddingInputs,
  }),
  dimensions: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
});
export type EmbedInput = Static<typeof EmbedInput>;

/** What a capability is asked, or answers: any JSON object. */
export const JsonInput = Type.Record(Type.String(), Type.Unknown());
export type JsonInput = Static<typeof JsonInput>;
/** What any job is asked. */
export type JobInput = ChatInput | EmbedInput | JsonInput;

const JobRequestBase = {
  job: Type.String({ minLength: 1, maxLength: 64 }),
  attempt: Type.Integer({ minimum: 1 }),
  epoch: Epoch,
  model: Type.String({ minLength: 1, maxLength: 256 }),
  /** How long the relay will wait from now; the node ends the job by itself after it. */
  timeoutMs: Type.Integer({ minimum: 1 }),
  /** What the client sent to know its own receipt by; part of what the node signs. */
  nonce: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
};

export const LlmJobRequest = Type.Object({
  ...JobRequestBase,
  type: Type.Literal('llm'),
  /** Whether text is sent as it is made; otherwise it all comes in the last frame. */
  stream: Type.Boolean(),
  input: ChatInput,
});
export const EmbedJobRequest = Type.Object({ ...JobRequestBase, type: Type.Literal('embed'), input: EmbedInput });
/** A job whose input and output are JSON objects that only service and runtime understand. */
export const CapabilityJobRequest = Type.Object({
  ...JobRequestBase,
  type: Type.Enum(CAPABILITY_TYPES),
  input: JsonInput,
});
export const JobRequest = Type.Union([LlmJobRequest, EmbedJobRequest, CapabilityJobRequest]);
export type JobRequest = Static<typeof JobRequest>;

export const CancelRequest = Type.Object({ job: Type.String(), attempt: Type.Integer({ minimum: 1 }), epoch: Epoch });
export type CancelRequest = Static<typeof CancelRequest>;

export const Usage = Type.Object({ inputTokens: Count, outputTokens: Count });
export type Usage = Static<typeof Usage>;

/** What ran the job, as it goes into the receipt. `digest` is the SHA-256 of the weights file, hex. */
export const Execution = Type.Object({
  runtime: Type.String(),
  device: Type.String(),
  dtype: Type.String(),
  revision: Type.String(),
  digest: Type.Union([Type.String(), Type.Null()]),
});
export type Execution = Static<typeof Execution>;

/** Times the node measured itself, from its acceptance of the job. */
export const NodeTimings = Type.Object({ firstTokenMs: Milliseconds, totalMs: Milliseconds });
export type NodeTimings = Static<typeof NodeTimings>;

export const FinishReason = Type.Union([Type.Literal('stop'), Type.Literal('length')]);
export type FinishReason = Static<typeof FinishReason>;

const FrameBase = { epoch: Epoch, seq: Count };

/** The frames a node answers a job with, numbered from 0 without a gap; the last is `done` or `error`. */
export const AcceptedFrame = Type.Object({ ...FrameBase, type: Type.Literal('accepted') });
export const TextFrame = Type.Object({ ...FrameBase, type: Type.Literal('text'), text: Type.String(), tokens: Count });
/** Vectors `start … start+count-1`, each of `dimensions` float32, little-endian, base64. */
export const VectorsFrame = Type.Object({
  ...FrameBase,
  type: Type.Literal('vectors'),
  start: Count,
  count: Count,
  dimensions: Count,
  data: Type.String(),
});
export const DoneFrame = Type.Object({
  ...FrameBase,
  type: Type.Literal('done'),
  /** Text of this frame alone: all of it when the job does not stream, the rest when it does. */
  text: Type.String(),
  finishReason: FinishReason,
  usage: Usage,
  timings: NodeTimings,
  execution: Execution,
  /** What a job of a capability type made. */
  output: Type.Optional(JsonInput),
  /** The node's Ed25519 signature under its part of the receipt (`statements.ts`), base64url. */
  signature: Type.Optional(Type.String({ minLength: 86, maxLength: 86 })),
});
export const ErrorFrame = Type.Object({ ...FrameBase, type: Type.Literal('error'), problem: ProblemRecord });
export const Frame = Type.Union([AcceptedFrame, TextFrame, VectorsFrame, DoneFrame, ErrorFrame]);
export type Frame = Static<typeof Frame>;
export type DoneFrame = Static<typeof DoneFrame>;
export type ErrorFrame = Static<typeof ErrorFrame>;
export type VectorsFrame = Static<typeof VectorsFrame>;

/** A node tells that it lives. `epoch` is 0 until the relay has opened a session. */
export const Heartbeat = Type.Object({
  /** Random per process start, so that the relay sees a restart that was too quick for a disconnect. */
  instance: Type.String({ minLength: 8, maxLength: 64 }),
  epoch: Count,
  revision: Count,
  slots: Type.Object({ total: Count, used: Count }),
});
export type Heartbeat = Static<typeof Heartbeat>;

export const OpenSession = Type.Object({ epoch: Epoch, leaseMs: Milliseconds, instance: Type.String() });
export type OpenSession = Static<typeof OpenSession>;

/** The relay counts the node from now on. */
export const SessionOpened = Type.Object({ epoch: Epoch });
export type SessionOpened = Static<typeof SessionOpened>;
