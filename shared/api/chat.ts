import { type Static, Type } from 'typebox';
import { LIMITS } from '../protocol/limits.ts';
import { Maybe, Nullable } from './nullable.ts';
import { RoutingRequest } from './routing.ts';

export { Maybe, Nullable };

const TextPart = Type.Object({ type: Type.Literal('text'), text: Type.String() });
/** Parts of a kind that no model here reads; they pass the schema, so that the refusal can say so. */
const OtherPart = Type.Object({ type: Type.String() });

const RequestMessage = Type.Object({
  role: Type.String({ description: 'system, developer, user or assistant' }),
  content: Maybe(Type.Union([Type.String(), Type.Array(Type.Union([TextPart, OtherPart]))])),
  name: Maybe(Type.String()),
  tool_calls: Maybe(Type.Array(Type.Unknown())),
  refusal: Maybe(Type.String()),
});

/** Body of `POST /v1/chat/completions`. Parameters that are known but not supported are listed, so that they can be refused. */
export const ChatCompletionRequest = Type.Object(
  {
    model: Type.String({ minLength: 1, maxLength: 256 }),
    messages: Type.Array(RequestMessage, { minItems: 1 }),
    stream: Maybe(Type.Boolean()),
    stream_options: Maybe(
      Type.Object({ include_usage: Maybe(Type.Boolean()), include_obfuscation: Maybe(Type.Boolean()) }),
    ),
    max_completion_tokens: Maybe(Type.Integer({ minimum: 1 })),
    max_tokens: Maybe(Type.Integer({ minimum: 1, description: 'Older name; max_completion_tokens wins.' })),
    temperature: Maybe(Type.Number({ minimum: 0, maximum: 2 })),
    top_p: Maybe(Type.Number({ minimum: 0, maximum: 1 })),
    seed: Maybe(Type.Integer()),
    stop: Maybe(
      Type.Union([
        Type.String({ minLength: 1 }),
        Type.Array(Type.String({ minLength: 1 }), { maxItems: LIMITS.maxStopSequences }),
      ]),
    ),
    n: Maybe(Type.Integer({ minimum: 1, maximum: 128 })),
    tools: Maybe(Type.Array(Type.Unknown())),
    tool_choice: Maybe(Type.Unknown()),
    parallel_tool_calls: Maybe(Type.Boolean()),
    functions: Maybe(Type.Array(Type.Unknown())),
    function_call: Maybe(Type.Unknown()),
    response_format: Maybe(Type.Object({ type: Type.String() })),
    logprobs: Maybe(Type.Boolean()),
    top_logprobs: Maybe(Type.Integer({ minimum: 0, maximum: 20 })),
    logit_bias: Maybe(Type.Record(Type.String(), Type.Number())),
    presence_penalty: Maybe(Type.Number({ minimum: -2, maximum: 2 })),
    frequency_penalty: Maybe(Type.Number({ minimum: -2, maximum: 2 })),
    modalities: Maybe(Type.Array(Type.String())),
    audio: Maybe(Type.Unknown()),
    prediction: Maybe(Type.Unknown()),
    web_search_options: Maybe(Type.Unknown()),
    prompt_cache_key: Maybe(Type.String()),
    user: Maybe(Type.String()),
    routing: Maybe(RoutingRequest),
  },
  {
    additionalProperties: true,
    examples: [
      { model: 'sparewatt/demo-chat', messages: [{ role: 'user', content: 'What is 17 + 25?' }] },
      {
        model: 'sparewatt/demo-chat',
        messages: [{ role: 'user', content: 'What is the capital of France?' }],
        stream: true,
        stream_options: { include_usage: true },
        max_completion_tokens: 32,
        temperature: 0,
      },
    ],
  },
);
export type ChatCompletionRequest = Static<typeof ChatCompletionRequest>;

export const CompletionUsage = Type.Object({
  prompt_tokens: Type.Integer(),
  completion_tokens: Type.Integer(),
  total_tokens: Type.Integer(),
});
export type CompletionUsage = Static<typeof CompletionUsage>;

export const ChatCompletion = Type.Object({
  id: Type.String(),
  object: Type.Literal('chat.completion'),
  created: Type.Integer({ description: 'Unix seconds' }),
  model: Type.String(),
  choices: Type.Array(
    Type.Object({
      index: Type.Integer(),
      message: Type.Object({ role: Type.Literal('assistant'), content: Type.String(), refusal: Type.Null() }),
      finish_reason: Type.String({ description: 'stop or length' }),
      logprobs: Type.Null(),
    }),
  ),
  usage: CompletionUsage,
});
export type ChatCompletion = Static<typeof ChatCompletion>;

/** One event of a streamed answer. The first carries the role, the last with a choice its finish reason. */
export const ChatCompletionChunk = Type.Object({
  id: Type.String(),
  object: Type.Literal('chat.completion.chunk'),
  created: Type.Integer({ description: 'Unix seconds' }),
  model: Type.String(),
  choices: Type.Array(
    Type.Object({
      index: Type.Integer(),
      delta: Type.Object({
        role: Type.Optional(Type.Literal('assistant')),
        content: Type.Optional(Type.String()),
        refusal: Type.Optional(Type.Null()),
      }),
      finish_reason: Nullable(Type.String({ description: 'stop or length' })),
      logprobs: Type.Null(),
    }),
    { description: 'Empty in the event that carries the usage.' },
  ),
  usage: Maybe(CompletionUsage),
});
export type ChatCompletionChunk = Static<typeof ChatCompletionChunk>;
