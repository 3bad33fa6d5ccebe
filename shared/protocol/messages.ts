import { type Static, Type } from 'typebox';
import { ProblemRecord } from '../problems/problem-record.ts';
import { NODE_SIGNATURE_LIMIT } from '../receipts/batch-signature.ts';
import { LIMITS } from './limits.ts';
import { recordOf } from './record-of.ts';
import { OBJECT_TYPES } from './subjects.ts';

/** What is no exact number cannot be stored, and must not keep the record of a job from being written. */
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Tokens = Type.Integer({ minimum: 0, maximum: LIMITS.maxTokens });
const Milliseconds = Type.Number({ minimum: 0 });
const Epoch = Type.Integer({ minimum: 1 });

/** A call that a model has made: `arguments` is JSON as the model wrote it. */
export const ToolCall = Type.Object({ id: Type.String(), name: Type.String(), arguments: Type.String() });
export type ToolCall = Static<typeof ToolCall>;

/** A picture of a message: before which character of its text it stands, and its address as the client sent it. */
export const ChatPicture = Type.Object({ at: Count, url: Type.String() });
export type ChatPicture = Static<typeof ChatPicture>;

/** One message of a conversation, its text in one piece. */
export const ChatMessage = Type.Object({
  role: Type.Union([Type.Literal('system'), Type.Literal('user'), Type.Literal('assistant'), Type.Literal('tool')]),
  content: Type.String(),
  /** In the order in which they stand; only a user shows some. */
  pictures: Type.Optional(Type.Array(ChatPicture, { minItems: 1, maxItems: LIMITS.maxChatPictures })),
  /** What an assistant thought before it said that, for models whose template reads it. */
  reasoning: Type.Optional(Type.String()),
  /** What an assistant called; its content may be empty then. */
  toolCalls: Type.Optional(Type.Array(ToolCall, { minItems: 1 })),
  /** Which call a tool's message answers. */
  toolCallId: Type.Optional(Type.String()),
});
export type ChatMessage = Static<typeof ChatMessage>;

/** A function that a model may call; `strict` when its arguments must be valid under `parameters` in every respect. */
export const ToolDeclaration = Type.Object({
  name: Type.String({ pattern: '^[A-Za-z0-9_.-]{1,64}$' }),
  description: Type.Optional(Type.String()),
  /** A JSON Schema; none for a function without arguments. */
  parameters: Type.Optional(Type.Unknown()),
  strict: Type.Optional(Type.Boolean()),
});
export type ToolDeclaration = Static<typeof ToolDeclaration>;

/** What the text of an answer must be. */
export const AnswerFormat = Type.Union([
  Type.Object({ type: Type.Literal('json_object') }),
  Type.Object({ type: Type.Literal('json_schema'), schema: Type.Unknown() }),
  Type.Object({ type: Type.Literal('choice'), choices: Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }) }),
  Type.Object({ type: Type.Literal('regex'), pattern: Type.String() }),
]);
export type AnswerFormat = Static<typeof AnswerFormat>;

/** Whether an answer may or must call a tool; one that must name it says which. */
export const ToolChoice = Type.Union([
  Type.Literal('none'),
  Type.Literal('auto'),
  Type.Literal('required'),
  Type.Object({ name: Type.String() }),
]);
export type ToolChoice = Static<typeof ToolChoice>;

/** How hard a model is to think, for those whose template can be told. */
export const ReasoningEffort = Type.Union([Type.Literal('low'), Type.Literal('medium'), Type.Literal('high')]);
export type ReasoningEffort = Static<typeof ReasoningEffort>;

/** What a language model is asked. `null`, and an absent member, mean "the model's own default". */
export const ChatInput = Type.Object({
  messages: Type.Array(ChatMessage, { minItems: 1 }),
  maxTokens: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
  temperature: Type.Union([Type.Number({ minimum: 0, maximum: 2 }), Type.Null()]),
  topP: Type.Union([Type.Number({ minimum: 0, maximum: 1 }), Type.Null()]),
  seed: Type.Union([Type.Integer(), Type.Null()]),
  stop: Type.Array(Type.String({ minLength: 1 }), { maxItems: LIMITS.maxStopSequences }),
  topK: Type.Optional(Type.Integer({ minimum: 0 })),
  minP: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  frequencyPenalty: Type.Optional(Type.Number({ minimum: -2, maximum: 2 })),
  presencePenalty: Type.Optional(Type.Number({ minimum: -2, maximum: 2 })),
  repetitionPenalty: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  /** What is added to the scores of tokens, by their ids. */
  logitBias: Type.Optional(Type.Record(Type.String({ pattern: '^[0-9]+$' }), Type.Number())),
  /** How many answers are made; one when absent. */
  choices: Type.Optional(Type.Integer({ minimum: 2, maximum: LIMITS.maxChoices })),
  /** Present when the probabilities of the tokens are asked for: of how many others at each place. */
  topLogprobs: Type.Optional(Type.Integer({ minimum: 0, maximum: LIMITS.maxTopLogprobs })),
  format: Type.Optional(AnswerFormat),
  tools: Type.Optional(Type.Array(ToolDeclaration, { minItems: 1, maxItems: LIMITS.maxTools })),
  /** `auto` when absent and there are tools. */
  toolChoice: Type.Optional(ToolChoice),
  /** False when at most one call may be made. */
  parallelToolCalls: Type.Optional(Type.Boolean()),
  /** False when the model is to answer without thinking first, as far as it can, or how hard it is to think; as it is used to when absent. */
  reasoning: Type.Optional(Type.Union([Type.Literal(false), ReasoningEffort])),
  /** Present when the text of the only message is to be continued as it stands, without the model's chat template. */
  raw: Type.Optional(Type.Literal(true)),
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
  /** Opaque id of who asks, so that the node's owner can choose; the owner of the relay when absent. */
  client: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  /** How long the relay will wait from now; the node ends the job by itself after it. */
  timeoutMs: Type.Integer({ minimum: 1 }),
  /** The registry id that the job was asked by, which the node signs for; that of its type when absent. */
  service: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  /** What the client sent to know its own receipt by; part of what the node signs. */
  nonce: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
};

/** A file of a job: its id, the SHA-256 of its content (hex) and its size. */
export const JobFileRef = Type.Object({
  file_id: Type.String({ minLength: 1, maxLength: 64 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  bytes: Count,
});
export type JobFileRef = Static<typeof JobFileRef>;

/** What stands in an input for a file of the job, whose content the node puts there (SPEC F6). */
export type HeldFile = Pick<JobFileRef, 'sha256' | 'bytes'>;

/** Where the node of an attempt fetches the files of its job and hands over those it makes, over HTTP (SPEC F). */
export const JobFileGrant = Type.Object({
  /** At the relay that the node has enrolled at; two slashes would name another host. */
  path: Type.String({ pattern: '^(?:/[A-Za-z0-9_-]+)+$', maxLength: 256 }),
  /** Sent as bearer token; fits this attempt alone. */
  token: Type.String({ minLength: 16, maxLength: 128, pattern: '^[A-Za-z0-9_-]+$' }),
  inputs: Type.Array(JobFileRef, { maxItems: 64 }),
  mostOutputs: Count,
  mostOutputBytes: Count,
});
export type JobFileGrant = Static<typeof JobFileGrant>;

/** Files in base64, by the address that they were fetched from. */
export const FetchedPictures = Type.Record(Type.String(), Type.String());
export type FetchedPictures = Static<typeof FetchedPictures>;

export const LlmJobRequest = Type.Object({
  ...JobRequestBase,
  type: Type.Literal('llm'),
  /** Whether text is sent as it is made; otherwise it all comes in the last frame. */
  stream: Type.Boolean(),
  /** Whether what the model thinks is told apart from what it answers (SPEC J18); all is text otherwise. */
  reasoningApart: Type.Optional(Type.Literal(true)),
  input: ChatInput,
  /** What the relay has fetched of the addresses in `input`, by address, in base64: a node fetches nothing (SPEC J14). */
  fetched: Type.Optional(FetchedPictures),
});
export const EmbedJobRequest = Type.Object({ ...JobRequestBase, type: Type.Literal('embed'), input: EmbedInput });
/** A job whose input and output are JSON objects that only service and runtime understand. */
export const CapabilityJobRequest = Type.Object({
  ...JobRequestBase,
  type: Type.Enum(OBJECT_TYPES),
  /** Whether the text of a transcript is sent as it is made, beside the whole answer at the end (SPEC J16). */
  stream: Type.Optional(Type.Boolean()),
  input: JsonInput,
  files: Type.Optional(JobFileGrant),
});
export const JobRequest = Type.Union([LlmJobRequest, EmbedJobRequest, CapabilityJobRequest]);
export type JobRequest = Static<typeof JobRequest>;

export const CancelRequest = Type.Object({ job: Type.String(), attempt: Type.Integer({ minimum: 1 }), epoch: Epoch });
export type CancelRequest = Static<typeof CancelRequest>;

export const Usage = Type.Object({
  inputTokens: Tokens,
  outputTokens: Tokens,
  /** How many of `inputTokens` the node knew from an earlier job; none where it does not say. */
  cachedTokens: Type.Optional(Tokens),
});
export type Usage = Static<typeof Usage>;

const ExecutionName = Type.String({ maxLength: LIMITS.maxExecutionNameLength });

/** What ran the job, as it goes into the receipt. `digest` is the SHA-256 of the weights file, hex. */
export const Execution = Type.Object({
  runtime: ExecutionName,
  device: ExecutionName,
  dtype: ExecutionName,
  revision: ExecutionName,
  digest: Type.Union([ExecutionName, Type.Null()]),
});
export type Execution = Static<typeof Execution>;

/** Times the node measured itself, from its acceptance of the job. */
export const NodeTimings = Type.Object({ firstTokenMs: Milliseconds, totalMs: Milliseconds });
export type NodeTimings = Static<typeof NodeTimings>;

export const FinishReason = Type.Union([Type.Literal('stop'), Type.Literal('length'), Type.Literal('tool_calls')]);
export type FinishReason = Static<typeof FinishReason>;

/** One token with the natural logarithm of its probability under the model, before any wish of the caller. */
const TokenProbability = { token: Type.String(), logprob: Type.Number(), bytes: Type.Array(Type.Integer()) };
export const TokenLogprob = Type.Object({
  ...TokenProbability,
  /** The likeliest tokens of this place, likeliest first. */
  top: Type.Array(Type.Object(TokenProbability)),
});
export type TokenLogprob = Static<typeof TokenLogprob>;

const FrameBase = { epoch: Epoch, seq: Count };
/**
 * What text and calls may carry: which choice they belong to (0 when absent), how likely their tokens were, and with the first of a
 * job how many tokens its prompt has.
 */
const PieceBase = {
  choice: Type.Optional(Count),
  inputTokens: Type.Optional(Tokens),
  logprobs: Type.Optional(Type.Array(TokenLogprob)),
};

/** The frames a node answers a job with, numbered from 0 without a gap; the last is `done` or `error`. */
export const AcceptedFrame = Type.Object({ ...FrameBase, type: Type.Literal('accepted') });
export const TextFrame = Type.Object({
  ...FrameBase,
  ...PieceBase,
  type: Type.Literal('text'),
  /** What the model thinks, which comes before what it answers. */
  reasoning: Type.Optional(Type.Literal(true)),
  text: Type.String(),
  tokens: Tokens,
});
export type TextFrame = Static<typeof TextFrame>;
/** A piece of the call with this index: the first carries its name, all together its arguments. */
export const ToolCallFrame = Type.Object({
  ...FrameBase,
  ...PieceBase,
  type: Type.Literal('tool_call'),
  index: Count,
  name: Type.Optional(Type.String()),
  arguments: Type.String(),
  tokens: Tokens,
});
export type ToolCallFrame = Static<typeof ToolCallFrame>;
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
  /** Of every choice, when there is more than one; the first is `finishReason`. */
  finishReasons: Type.Optional(Type.Array(FinishReason)),
  /** Which of the texts that were to end it ended the only choice, where one did and the node tells. */
  stopSequence: Type.Optional(Type.String()),
  usage: Usage,
  timings: NodeTimings,
  execution: Execution,
  /** What a job of a capability type made. */
  output: Type.Optional(JsonInput),
  /** The node's signature under its part of the receipt (`statements.ts`), as `batch-signature.ts` writes it. */
  signature: Type.Optional(Type.String({ maxLength: NODE_SIGNATURE_LIMIT })),
});
export const ErrorFrame = Type.Object({
  ...FrameBase,
  type: Type.Literal('error'),
  problem: ProblemRecord,
  /** What a job that does not stream had of its only choice when it was handed back (SPEC O9). */
  text: Type.Optional(Type.String()),
});
export const Frame = Type.Union([AcceptedFrame, TextFrame, ToolCallFrame, VectorsFrame, DoneFrame, ErrorFrame]);
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
  /** Jobs by model, as in the document's load. */
  in_use: Type.Optional(recordOf(256, Count, 1_000)),
  /** Digests of the conversations that the node still knows, newest first (SPEC S13). */
  warm: Type.Optional(Type.Array(Type.String({ pattern: '^[0-9a-f]{16}$' }), { maxItems: LIMITS.warmSessions })),
});
export type Heartbeat = Static<typeof Heartbeat>;

export const OpenSession = Type.Object({
  epoch: Epoch,
  leaseMs: Milliseconds,
  instance: Type.String(),
  /** What digests of conversations are made with; a node that gets none tells none. */
  salt: Type.Optional(Type.String({ minLength: 16, maxLength: 64 })),
});
export type OpenSession = Static<typeof OpenSession>;

/** The relay counts the node from now on. */
export const SessionOpened = Type.Object({ epoch: Epoch });
export type SessionOpened = Static<typeof SessionOpened>;
