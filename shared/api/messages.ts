import { type Static, Type } from 'typebox';
import { LIMITS } from '../protocol/limits.ts';
import { Maybe, Nullable } from './nullable.ts';
import { RoutingRequest } from './routing.ts';
import { SAMPLING } from './sampling.ts';

const ImageSource = Type.Object({
  type: Type.String({ description: 'base64 or url' }),
  media_type: Maybe(Type.String()),
  data: Maybe(Type.String()),
  url: Maybe(Type.String({ description: 'An https address that the relay may ask' })),
});

/** Of what a tool gave; what models here cannot read passes the schema, so that the refusal can say so. */
const Part = Type.Object({
  type: Type.String({ description: 'text or image' }),
  text: Maybe(Type.String()),
  source: Maybe(
    Type.Union([ImageSource, Type.String({ description: 'Of a search result, which no model here reads' })]),
  ),
  cache_control: Maybe(Type.Unknown({ description: 'Ignored: nodes keep what they have read by themselves' })),
});
const Content = Type.Union([Type.String(), Type.Array(Part)]);

const ContentBlock = Type.Object({
  type: Type.String({ description: 'text, image, tool_use, tool_result or thinking' }),
  text: Part.properties.text,
  source: Part.properties.source,
  cache_control: Part.properties.cache_control,
  id: Type.Optional(Type.String()),
  name: Type.Optional(Type.String()),
  input: Type.Optional(Type.Unknown()),
  tool_use_id: Type.Optional(Type.String()),
  content: Maybe(Content),
  is_error: Maybe(Type.Boolean()),
  thinking: Maybe(Type.String({ description: 'For models whose template reads what was thought before' })),
});
export type ContentBlock = Static<typeof ContentBlock>;

const RequestMessage = Type.Object({
  role: Type.Union([Type.Literal('user'), Type.Literal('assistant'), Type.Literal('system')]),
  content: Type.Union([Type.String(), Type.Array(ContentBlock)]),
});

const Tool = Type.Object({
  type: Maybe(Type.String({ description: 'custom, which may be left out' })),
  name: Type.Optional(Type.String()),
  description: Maybe(Type.String()),
  input_schema: Maybe(Type.Unknown({ description: 'A JSON Schema of type object.' })),
  strict: Maybe(Type.Boolean()),
  cache_control: Part.properties.cache_control,
});

const CONVERSATION = {
  model: Type.String({ minLength: 1, maxLength: 256 }),
  messages: Type.Array(RequestMessage, { minItems: 1 }),
  system: Maybe(Content),
  tools: Maybe(Type.Array(Tool, { maxItems: LIMITS.maxTools })),
  tool_choice: Maybe(
    Type.Object({
      type: Type.String({ description: 'auto, any, tool or none' }),
      name: Maybe(Type.String()),
      disable_parallel_tool_use: Maybe(Type.Boolean()),
    }),
  ),
  thinking: Maybe(
    Type.Object({
      type: Type.String({
        description:
          'enabled or adaptive for a model that thinks first and tells what; disabled, as when it is left out, for an answer at once',
      }),
      budget_tokens: Maybe(Type.Integer({ description: 'Ignored: max_tokens holds for both' })),
    }),
  ),
  output_config: Maybe(
    Type.Object({
      effort: Maybe(Type.String({ description: 'How hard a model thinks that is asked to; ignored without thinking' })),
      format: Maybe(Type.Object({ type: Type.String({ description: 'json_schema' }), schema: Maybe(Type.Unknown()) })),
    }),
  ),
  output_format: Maybe(Type.Unknown()),
  mcp_servers: Maybe(Type.Array(Type.Unknown())),
  container: Maybe(Type.Unknown()),
  thread: Maybe(Type.Unknown()),
  compaction: Maybe(Type.Unknown()),
  cache_control: Part.properties.cache_control,
  metadata: Maybe(Type.Object({ user_id: Maybe(Type.String()) })),
  routing: Maybe(RoutingRequest),
};

/** Body of `POST /v1/messages`. Parameters that are known but not supported are listed, so that they can be refused. */
export const MessagesRequest = Type.Object(
  {
    ...CONVERSATION,
    max_tokens: Type.Integer({ minimum: 1 }),
    stream: Maybe(Type.Boolean()),
    temperature: SAMPLING.temperature,
    top_p: SAMPLING.top_p,
    top_k: SAMPLING.top_k,
    stop_sequences: Maybe(Type.Array(Type.String({ minLength: 1 }), { maxItems: LIMITS.maxStopSequences })),
  },
  {
    additionalProperties: true,
    examples: [
      {
        model: 'sparewatt/demo-chat',
        max_tokens: 64,
        messages: [{ role: 'user', content: 'What is 17 + 25?' }],
      },
      {
        model: 'sparewatt/demo-chat',
        max_tokens: 64,
        system: 'Answer in capitals.',
        messages: [{ role: 'user', content: [{ type: 'text', text: 'What is the capital of France?' }] }],
        stream: true,
      },
    ],
  },
);
export type MessagesRequest = Static<typeof MessagesRequest>;

/** Body of `POST /v1/messages/count_tokens`. */
export const CountTokensRequest = Type.Object(CONVERSATION, {
  additionalProperties: true,
  examples: [{ model: 'sparewatt/demo-chat', messages: [{ role: 'user', content: 'What is 17 + 25?' }] }],
});
export type CountTokensRequest = Static<typeof CountTokensRequest>;

export const TokenCount = Type.Object({ input_tokens: Type.Integer({ description: 'As the model counts them' }) });
export type TokenCount = Static<typeof TokenCount>;

const TextBlock = Type.Object({ type: Type.Literal('text'), text: Type.String(), citations: Type.Null() });
const ToolUseBlock = Type.Object({
  type: Type.Literal('tool_use'),
  id: Type.String(),
  name: Type.String(),
  input: Type.Record(Type.String(), Type.Unknown()),
});
const ThinkingBlock = Type.Object({
  type: Type.Literal('thinking'),
  thinking: Type.String(),
  signature: Type.Literal('', { description: 'Nothing here needs one when the block is sent again' }),
});
const AnswerBlock = Type.Union([ThinkingBlock, TextBlock, ToolUseBlock]);
export type AnswerBlock = Static<typeof AnswerBlock>;

const StopReason = Type.Union([
  Type.Literal('end_turn'),
  Type.Literal('max_tokens'),
  Type.Literal('stop_sequence'),
  Type.Literal('tool_use'),
]);
export type StopReason = Static<typeof StopReason>;

const MessageUsage = Type.Object({
  input_tokens: Type.Integer(),
  output_tokens: Type.Integer(),
  cache_creation_input_tokens: Type.Literal(0, {
    description: 'What nodes keep of what they have read costs nothing.',
  }),
  cache_read_input_tokens: Type.Integer(),
});
export type MessageUsage = Static<typeof MessageUsage>;

export const MessageObject = Type.Object({
  id: Type.String(),
  type: Type.Literal('message'),
  role: Type.Literal('assistant'),
  model: Type.String(),
  content: Type.Array(AnswerBlock),
  stop_reason: Nullable(StopReason),
  stop_sequence: Nullable(Type.String({ description: 'Which stop sequence ended it, where its node tells' })),
  usage: MessageUsage,
});
export type MessageObject = Static<typeof MessageObject>;

/** One event of a streamed message; its other members depend on its type. */
export const MessageEvent = Type.Object(
  { type: Type.String({ description: 'message_start, content_block_start, …, message_stop, ping or error' }) },
  { additionalProperties: true },
);

/** Errors of these routes, in the form that Anthropic's clients read. */
export const AnthropicError = Type.Object(
  {
    type: Type.Literal('error'),
    error: Type.Object({
      type: Type.String({ description: 'The class that the clients know it by, such as `rate_limit_error`' }),
      message: Type.String(),
      details: Type.Object({
        error_code: Type.String({ description: 'The code of the problem table, which /problems explains' }),
        param: Nullable(Type.String()),
      }),
    }),
    request_id: Type.String(),
  },
  {
    'x-response-description':
      'The request was refused, or the pool could not do it: `error.details.error_code` says why, `error.message` what to do, ' +
      '`x-should-retry` and `retry-after` whether and when to try again.',
  },
);
export type AnthropicError = Static<typeof AnthropicError>;
