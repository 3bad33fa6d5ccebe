import { type Static, Type } from 'typebox';
import { LIMITS } from '../protocol/limits.ts';
import { Maybe, Nullable } from './nullable.ts';
import { RoutingRequest } from './routing.ts';
import { SAMPLING } from './sampling.ts';

/** Of a message or of what a tool gave; what models here cannot read passes the schema, so that the refusal can say so. */
const Part = Type.Object({
  type: Type.String({ description: 'input_text, output_text or input_image' }),
  text: Maybe(Type.String()),
  image_url: Maybe(Type.String({ description: 'A data URL, or an https address that the relay may ask' })),
  detail: Maybe(Type.String()),
});
const Content = Type.Union([Type.String(), Type.Array(Part)]);

const InputItem = Type.Object({
  type: Maybe(Type.String({ description: 'message (which may be left out), function_call or function_call_output' })),
  role: Type.Optional(Type.String({ description: 'system, developer, user or assistant' })),
  content: Type.Optional(Nullable(Content)),
  call_id: Type.Optional(Type.String()),
  name: Type.Optional(Type.String()),
  namespace: Maybe(Type.String({ description: 'Of the function that was called' })),
  arguments: Type.Optional(Type.String()),
  output: Type.Optional(Content),
});
export type InputItem = Static<typeof InputItem>;

const FUNCTION = {
  name: Type.Optional(Type.String()),
  description: Maybe(Type.String()),
  parameters: Maybe(Type.Unknown({ description: 'A JSON Schema of type object.' })),
  strict: Maybe(Type.Boolean()),
};
const ResponseTool = Type.Object({
  type: Type.String({ description: 'function, or namespace for a group of functions' }),
  ...FUNCTION,
  tools: Maybe(
    Type.Array(Type.Object({ type: Type.String({ description: 'function' }), ...FUNCTION }), {
      maxItems: LIMITS.maxTools,
      description: 'Of a namespace; a call of one tells the namespace beside its name',
    }),
  ),
});

const TextFormat = Type.Object({
  type: Type.String({ description: 'text, json_object or json_schema' }),
  name: Maybe(Type.String()),
  schema: Maybe(Type.Unknown()),
  strict: Maybe(Type.Boolean()),
});

/** Body of `POST /v1/responses`. What would need a response that was kept is listed, so that it can be refused. */
export const ResponsesRequest = Type.Object(
  {
    model: Type.String({ minLength: 1, maxLength: 256 }),
    input: Type.Union([Type.String(), Type.Array(InputItem, { minItems: 1 })]),
    instructions: Maybe(Type.String()),
    stream: Maybe(Type.Boolean()),
    max_output_tokens: Maybe(Type.Integer({ minimum: 1 })),
    temperature: SAMPLING.temperature,
    top_p: SAMPLING.top_p,
    tools: Maybe(Type.Array(ResponseTool, { maxItems: LIMITS.maxTools })),
    tool_choice: Maybe(Type.Unknown({ description: 'none, auto, required, or an object that names a function.' })),
    parallel_tool_calls: Maybe(Type.Boolean()),
    text: Maybe(Type.Object({ format: Maybe(TextFormat), verbosity: Maybe(Type.String()) })),
    include: Maybe(Type.Array(Type.String())),
    top_logprobs: Maybe(Type.Integer({ minimum: 0, maximum: LIMITS.maxTopLogprobs })),
    previous_response_id: Maybe(Type.String()),
    conversation: Maybe(Type.Unknown()),
    prompt: Maybe(Type.Unknown()),
    background: Maybe(Type.Boolean()),
    metadata: Maybe(Type.Record(Type.String(), Type.Unknown())),
    reasoning: Maybe(
      Type.Object({
        effort: Maybe(Type.String({ description: 'As reasoning_effort of a chat' })),
        summary: Maybe(Type.String({ description: 'Ignored: all that was thought is told' })),
      }),
    ),
    prompt_cache_key: Maybe(Type.String()),
    user: Maybe(Type.String()),
    routing: Maybe(RoutingRequest),
  },
  {
    additionalProperties: true,
    examples: [
      { model: 'sparewatt/demo-chat', input: 'What is 17 + 25?' },
      {
        model: 'sparewatt/demo-chat',
        instructions: 'Answer in capitals.',
        input: [{ role: 'user', content: [{ type: 'input_text', text: 'What is the capital of France?' }] }],
        stream: true,
      },
    ],
  },
);
export type ResponsesRequest = Static<typeof ResponsesRequest>;

/** Answer of `POST /v1/responses/input_tokens`. */
export const InputTokens = Type.Object({
  object: Type.Literal('response.input_tokens'),
  input_tokens: Type.Integer({ description: 'As the model counts them' }),
});
export type InputTokens = Static<typeof InputTokens>;

const STATUS = Type.Union([Type.Literal('in_progress'), Type.Literal('completed'), Type.Literal('incomplete')]);

const OutputText = Type.Object({
  type: Type.Literal('output_text'),
  text: Type.String(),
  annotations: Type.Array(Type.Unknown()),
  logprobs: Type.Array(Type.Unknown()),
});

const OutputMessage = Type.Object({
  id: Type.String(),
  type: Type.Literal('message'),
  status: STATUS,
  role: Type.Literal('assistant'),
  content: Type.Array(OutputText),
});

const OutputCall = Type.Object({
  id: Type.String(),
  type: Type.Literal('function_call'),
  status: STATUS,
  call_id: Type.String(),
  name: Type.String(),
  namespace: Type.Optional(Type.String()),
  arguments: Type.String(),
});

const OutputReasoning = Type.Object({
  id: Type.String(),
  type: Type.Literal('reasoning'),
  status: STATUS,
  summary: Type.Array(Type.Unknown(), { description: 'Empty: all that was thought is in the content' }),
  content: Type.Array(Type.Object({ type: Type.Literal('reasoning_text'), text: Type.String() })),
});

export type OutputItem = Static<typeof OutputMessage> | Static<typeof OutputCall> | Static<typeof OutputReasoning>;

/** The members that OpenAI's clients read, and those of the request that tell how it was understood. */
export const ResponseObject = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('response'),
    created_at: Type.Integer({ description: 'Unix seconds' }),
    status: Type.String({ description: 'completed or incomplete; in events also in_progress and failed' }),
    error: Nullable(Type.Object({ code: Type.String(), message: Type.String() })),
    incomplete_details: Nullable(Type.Object({ reason: Type.String({ description: 'max_output_tokens' }) })),
    model: Type.String(),
    output: Type.Array(Type.Union([OutputReasoning, OutputMessage, OutputCall])),
    store: Type.Literal(false, { description: 'Nothing is kept: each request brings its whole conversation.' }),
    usage: Nullable(
      Type.Object({
        input_tokens: Type.Integer(),
        input_tokens_details: Type.Object({ cached_tokens: Type.Integer() }),
        output_tokens: Type.Integer(),
        output_tokens_details: Type.Object({ reasoning_tokens: Type.Integer() }),
        total_tokens: Type.Integer(),
      }),
    ),
  },
  { additionalProperties: true },
);
export type ResponseObject = Static<typeof ResponseObject>;

/** One event of a streamed response; its other members depend on its type. */
export const ResponseEvent = Type.Object(
  { type: Type.String(), sequence_number: Type.Integer() },
  { additionalProperties: true },
);
