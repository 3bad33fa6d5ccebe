import { type Static, Type } from 'typebox';
import { LIMITS } from '../protocol/limits.ts';
import { Maybe, Nullable } from './nullable.ts';
import { RoutingRequest } from './routing.ts';
import { SAMPLING, STREAMING } from './sampling.ts';

export { Maybe, Nullable };

const TextPart = Type.Object({ type: Type.Literal('text'), text: Type.String() });
const ImagePart = Type.Object({
  type: Type.Literal('image_url'),
  image_url: Type.Object({
    url: Type.String({
      description: 'A data URL with a png, jpeg, webp or gif, or an https address that the relay may ask',
    }),
    detail: Maybe(Type.String({ description: 'Ignored: a model sees pictures at its own size' })),
  }),
});
/** Parts of a kind that no model here reads; they pass the schema, so that the refusal can say so. */
const OtherPart = Type.Object({ type: Type.String() });

const FunctionCall = Type.Object({ name: Type.String(), arguments: Type.String() });

const RequestMessage = Type.Object({
  role: Type.String({ description: 'system, developer, user, assistant or tool' }),
  content: Maybe(Type.Union([Type.String(), Type.Array(Type.Union([TextPart, ImagePart, OtherPart]))])),
  name: Maybe(Type.String()),
  tool_calls: Maybe(
    Type.Array(Type.Object({ id: Type.String(), type: Type.Literal('function'), function: FunctionCall })),
  ),
  tool_call_id: Maybe(Type.String()),
  refusal: Maybe(Type.String()),
  reasoning_content: Maybe(
    Type.String({ description: 'What the assistant thought before it said that, for models whose template reads it' }),
  ),
});

const Tool = Type.Object({
  type: Type.String({ description: 'function' }),
  function: Type.Optional(
    Type.Object({
      name: Type.String(),
      description: Maybe(Type.String()),
      parameters: Maybe(Type.Unknown({ description: 'A JSON Schema of type object.' })),
      strict: Maybe(
        Type.Boolean({
          description: 'Refuses parameters that cannot be enforced instead of leaving out what cannot be.',
        }),
      ),
    }),
  ),
});

const ResponseFormat = Type.Object({
  type: Type.String({ description: 'text, json_object or json_schema' }),
  json_schema: Maybe(
    Type.Object({ name: Maybe(Type.String()), schema: Maybe(Type.Unknown()), strict: Maybe(Type.Boolean()) }),
  ),
  schema: Maybe(
    Type.Unknown({ description: 'Beside json_object, as llama.cpp takes it: what the object must be like.' }),
  ),
});

/** As in vLLM; one of them at a time. */
const StructuredOutputs = Type.Object({
  choice: Maybe(Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 2_000 })),
  regex: Maybe(Type.String()),
  json: Maybe(Type.Unknown()),
});

/** Body of `POST /v1/chat/completions`. Parameters that are known but not supported are listed, so that they can be refused. */
export const ChatCompletionRequest = Type.Object(
  {
    model: Type.String({ minLength: 1, maxLength: 256 }),
    messages: Type.Array(RequestMessage, { minItems: 1 }),
    ...STREAMING,
    max_completion_tokens: Maybe(Type.Integer({ minimum: 1 })),
    max_tokens: Maybe(Type.Integer({ minimum: 1, description: 'Older name; max_completion_tokens wins.' })),
    ...SAMPLING,
    tools: Maybe(Type.Array(Tool, { maxItems: LIMITS.maxTools })),
    tool_choice: Maybe(Type.Unknown({ description: 'none, auto, required, or an object that names a function.' })),
    parallel_tool_calls: Maybe(Type.Boolean()),
    functions: Maybe(Type.Array(Type.Unknown())),
    function_call: Maybe(Type.Unknown()),
    response_format: Maybe(ResponseFormat),
    structured_outputs: Maybe(StructuredOutputs),
    logprobs: Maybe(Type.Boolean()),
    top_logprobs: Maybe(Type.Integer({ minimum: 0, maximum: LIMITS.maxTopLogprobs })),
    modalities: Maybe(Type.Array(Type.String())),
    audio: Maybe(Type.Unknown()),
    prediction: Maybe(Type.Unknown()),
    web_search_options: Maybe(Type.Unknown()),
    reasoning_effort: Maybe(
      Type.String({
        description:
          'none lets a model that thinks first answer at once; others are told to its chat template, which may have no word for them',
      }),
    ),
    reasoning: Maybe(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'As OpenRouter has it: effort, or enabled, true or false; others are ignored',
      }),
    ),
    chat_template_kwargs: Maybe(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'As in vLLM: enable_thinking or thinking, true or false, and reasoning_effort; others are ignored',
      }),
    ),
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
      {
        model: 'HuggingFaceTB/SmolVLM-256M-Instruct',
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'What is this?' },
              { type: 'image_url', image_url: { url: 'https://images.example.com/lighthouse.jpg' } },
            ],
          },
        ],
      },
    ],
  },
);
export type ChatCompletionRequest = Static<typeof ChatCompletionRequest>;

export const CompletionUsage = Type.Object({
  prompt_tokens: Type.Integer(),
  completion_tokens: Type.Integer(),
  total_tokens: Type.Integer(),
  prompt_tokens_details: Type.Optional(
    Type.Object({ cached_tokens: Type.Integer() }, { description: 'Of a prompt whose beginning its node still knew' }),
  ),
  completion_tokens_details: Type.Optional(
    Type.Object({ reasoning_tokens: Type.Integer() }, { description: 'Of a model that thought first' }),
  ),
});
export type CompletionUsage = Static<typeof CompletionUsage>;

const TokenProbability = {
  token: Type.String(),
  logprob: Type.Number(),
  bytes: Nullable(Type.Array(Type.Integer())),
};
const Logprobs = Type.Object({
  content: Nullable(
    Type.Array(Type.Object({ ...TokenProbability, top_logprobs: Type.Array(Type.Object(TokenProbability)) })),
  ),
  refusal: Type.Null(),
});
export type Logprobs = Static<typeof Logprobs>;

const FINISH_REASONS = 'stop, length or tool_calls';

const MadeToolCall = Type.Object({ id: Type.String(), type: Type.Literal('function'), function: FunctionCall });
export type MadeToolCall = Static<typeof MadeToolCall>;

const Choice = Type.Object({
  index: Type.Integer(),
  message: Type.Object({
    role: Type.Literal('assistant'),
    content: Nullable(Type.String()),
    refusal: Type.Null(),
    reasoning_content: Type.Optional(Type.String({ description: 'What the model thought first' })),
    tool_calls: Type.Optional(Type.Array(MadeToolCall)),
  }),
  finish_reason: Type.String({ description: FINISH_REASONS }),
  logprobs: Nullable(Logprobs),
});
export type Choice = Static<typeof Choice>;

export const ChatCompletion = Type.Object({
  id: Type.String(),
  object: Type.Literal('chat.completion'),
  created: Type.Integer({ description: 'Unix seconds' }),
  model: Type.String(),
  choices: Type.Array(Choice),
  usage: CompletionUsage,
});
export type ChatCompletion = Static<typeof ChatCompletion>;

/** One event of a streamed answer. The first of each choice carries the role, the last its finish reason. */
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
        content: Type.Optional(Nullable(Type.String())),
        refusal: Type.Optional(Type.Null()),
        reasoning_content: Type.Optional(Type.String({ description: 'A piece of what the model thinks first' })),
        tool_calls: Type.Optional(
          Type.Array(
            Type.Object({
              index: Type.Integer(),
              id: Type.Optional(Type.String()),
              type: Type.Optional(Type.Literal('function')),
              function: Type.Object({ name: Type.Optional(Type.String()), arguments: Type.String() }),
            }),
          ),
        ),
      }),
      finish_reason: Nullable(Type.String({ description: FINISH_REASONS })),
      logprobs: Nullable(Logprobs),
    }),
    { description: 'Empty in the event that carries the usage.' },
  ),
  usage: Maybe(CompletionUsage),
});
export type ChatCompletionChunk = Static<typeof ChatCompletionChunk>;
