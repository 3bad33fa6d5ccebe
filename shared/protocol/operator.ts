import { type Static, Type } from 'typebox';
import { ProblemRecord } from '../problems/problem-record.ts';
import { ChatMessage, Execution, JsonInput, Usage } from './messages.ts';
import { JOB_TYPES } from './subjects.ts';

const Maybe = <Schema extends Parameters<typeof Type.Optional>[0]>(schema: Schema) =>
  Type.Optional(Type.Union([schema, Type.Null()]));
const Common = {
  /** Left out, the node takes one that is in memory, else any of the right kind. */
  model: Maybe(Type.String({ minLength: 1, maxLength: 256 })),
  timeout_ms: Maybe(Type.Integer({ minimum: 1, maximum: 3_600_000 })),
};

/** What an operator's own program sends to `node.{id}.llm.request`. Members that are not listed are ignored. */
export const OperatorChat = Type.Object({
  ...Common,
  messages: Maybe(Type.Array(ChatMessage, { minItems: 1 })),
  prompt: Maybe(Type.String()),
  system: Maybe(Type.String()),
  max_tokens: Maybe(Type.Integer({ minimum: 1 })),
  temperature: Maybe(Type.Number({ minimum: 0, maximum: 2 })),
  top_p: Maybe(Type.Number({ minimum: 0, maximum: 1 })),
  seed: Maybe(Type.Integer()),
  stop: Maybe(Type.Array(Type.String({ minLength: 1 }), { maxItems: 4 })),
});
export type OperatorChat = Static<typeof OperatorChat>;

/** … to `node.{id}.embed.request`. */
export const OperatorEmbed = Type.Object({
  ...Common,
  input: Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1, maxItems: 2_048 })]),
  dimensions: Maybe(Type.Integer({ minimum: 1 })),
});
export type OperatorEmbed = Static<typeof OperatorEmbed>;

/** … to the subjects of the other capabilities: any object; what is common is taken out of it. */
export const OperatorTask = Type.Intersect([Type.Object(Common), JsonInput]);
export type OperatorTask = Static<typeof OperatorTask>;

/** The one reply. `busy` is worth trying elsewhere or again; `error` says why in `error.code` of the problem table. */
export type OperatorAnswer =
  | {
      status: 'ok';
      node_id: string;
      job_id: string;
      model: string;
      /** `{text, finish_reason}`, `{embeddings, dimensions}`, or what the capability made. */
      result: Record<string, unknown>;
      usage: { prompt_tokens: number; completion_tokens: number };
      latency_ms: number;
    }
  | { status: 'busy' | 'error'; node_id: string; job_id: string; error: { code: string; message: string } };

const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });
const Outcome = Type.Union([
  Type.Object({
    state: Type.Literal('succeeded'),
    responseHash: Sha256,
    usage: Usage,
    execution: Execution,
    firstTokenMs: Type.Number({ minimum: 0 }),
  }),
  Type.Object({ state: Type.Literal('failed'), problem: ProblemRecord }),
]);

/** A node tells its relay of work it did for an operator's program, on `fabric.result.{id}`. Hashes, never content. */
export const OperatorReport = Type.Object({
  /** Longer than the 24 characters that a relay gives: no node can take the place of the job of a client. */
  job: Type.String({ pattern: '^job_[0-9a-z]{32,60}$' }),
  /** The session under which it is told. */
  epoch: Type.Integer({ minimum: 1 }),
  /** The session under which it ran, which may be an earlier one. */
  ranUnder: Type.Integer({ minimum: 1 }),
  type: Type.Enum(JOB_TYPES),
  model: Type.String({ minLength: 1, maxLength: 256 }),
  requestHash: Sha256,
  totalMs: Type.Number({ minimum: 0, maximum: 86_400_000 }),
  outcome: Outcome,
});
export type OperatorReport = Static<typeof OperatorReport>;

/** The relay has written a report down. */
export const ReportKept = Type.Object({ job: Type.String() });
export type ReportKept = Static<typeof ReportKept>;

/** Whose jobs these are in the relay's records. */
export const OPERATOR_KEY_ID = 'operator';
