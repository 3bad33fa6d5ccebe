import type { ChatCompletionRequest } from '../../../shared/api/chat.ts';
import type { CountTokensRequest, MessagesRequest } from '../../../shared/api/messages.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { OwnTermsOrder } from '../openai/chat-in-own-terms.ts';
import { readChatRequest } from '../openai/chat-request.ts';
import { createOwnTerms } from '../openai/own-terms.ts';
import { readConversation } from './messages-input.ts';

const HONOURED = new Set([
  'model',
  'messages',
  'system',
  'max_tokens',
  'stream',
  'temperature',
  'top_p',
  'top_k',
  'stop_sequences',
  'tools',
  'tool_choice',
  'output_config',
  'routing',
]);

type Asked = CountTokensRequest & Partial<MessagesRequest>;

/**
 * Turns a body that has passed the schema into that of a chat, and that into what a node is asked. Errors: those of
 * `readChatRequest` and `readConversation`, and for what no model here does.
 */
export function readMessagesRequest(body: Asked): OwnTermsOrder {
  assertSupported(body);
  const { messages, places } = readConversation(body);
  const { named, told: inOwnTerms } = createOwnTerms({ places, names: NAMES, conversation: 'messages' });
  try {
    const chat = chatOf(body, messages);
    const order = readChatRequest(chat);
    // Who asks is named for the sake of its node alone, and so it is in the list of the body.
    const ignored = order.ignored.filter((param) => param !== 'user').map(named);
    return { ...order, chat, inOwnTerms, ignored: [...ignoredOf(body), ...ignored] };
  } catch (error) {
    throw inOwnTerms(error);
  }
}

function chatOf(body: Asked, messages: ChatCompletionRequest['messages']): ChatCompletionRequest {
  const choice = body.tool_choice;
  return {
    model: body.model,
    messages,
    stream: body.stream ?? null,
    max_completion_tokens: body.max_tokens ?? null,
    temperature: body.temperature ?? null,
    top_p: body.top_p ?? null,
    top_k: body.top_k ?? null,
    stop: body.stop_sequences ?? null,
    tools: body.tools?.map(toolOf) ?? null,
    tool_choice: choice == null ? null : choiceOf(choice),
    parallel_tool_calls: choice?.disable_parallel_tool_use === true ? false : null,
    response_format: formatOf(body.output_config?.format),
    // Who does not ask for thoughts expects none; who does has them also of a model that does not think by itself.
    reasoning_effort: isToThink(body) ? (body.output_config?.effort ?? 'medium') : 'none',
    user: body.metadata?.user_id ?? null,
    routing: body.routing ?? null,
  };
}

type Refusal = readonly [param: string, isUsed: (body: Asked) => boolean, advice: string];

const UNSUPPORTED: readonly Refusal[] = [
  [
    'thinking',
    ({ thinking }) => thinking != null && !Object.hasOwn(THINKING, thinking.type),
    'Leave thinking out, or say {"type": "enabled"}, {"type": "adaptive"} or {"type": "disabled"}.',
  ],
  [
    'mcp_servers',
    ({ mcp_servers: servers = [] }) => (servers?.length ?? 0) > 0,
    'Send the tools of the servers as tools.',
  ],
  ['container', ({ container }) => container != null, 'Nothing is executed here. Leave it out.'],
  ['compaction', ({ compaction }) => compaction != null, 'Ask for a summary as a message of the user.'],
  ['output_format', ({ output_format: format }) => format != null, 'Send it as output_config.format.'],
];
/** Whether a model that thinks first is to. */
const THINKING: Readonly<Record<string, boolean>> = { enabled: true, adaptive: true, disabled: false };

function isToThink({ thinking }: Asked): boolean {
  return THINKING[thinking?.type ?? 'disabled'] === true;
}

function assertSupported(body: Asked): void {
  if (body.thread != null) {
    const sentence = 'This relay keeps no conversations. Send all of the messages, and leave thread out.';
    throw new Problem('thread_unsupported_request', sentence, { param: 'thread' });
  }
  for (const [param, isUsed, advice] of UNSUPPORTED) {
    if (isUsed(body)) throw new Problem('unsupported_parameter', advice, { param });
  }
}

function ignoredOf(body: Asked): string[] {
  const params = Object.entries(body).flatMap(([key, value]) =>
    HONOURED.has(key) || key === 'cache_control' || value == null || isRefusedElsewhere(key) ? [] : [key],
  );
  if (body.output_config?.effort != null && !isToThink(body)) params.push('output_config.effort');
  if (body.thinking?.budget_tokens != null) params.push('thinking.budget_tokens');
  if (isMarkedForCache(body)) params.push('cache_control');
  return params;
}

/** What was not refused asks for nothing, or for what is done. */
function isRefusedElsewhere(key: string): boolean {
  return UNSUPPORTED.some(([param]) => param === key);
}

type Marked = { readonly cache_control?: unknown };

/** Clients mark the end of what they will send again; nodes know it by what they have read. */
function isMarkedForCache({ cache_control: own, system, messages, tools }: Asked): boolean {
  const isMarked = (one: Marked): boolean => one.cache_control != null;
  const isMarkedWithin = (content: unknown): boolean => Array.isArray(content) && content.some(isMarked);
  return (
    own != null ||
    isMarkedWithin(system) ||
    isMarkedWithin(tools) ||
    messages.some(({ content }) => isMarkedWithin(content))
  );
}

type ChatTool = NonNullable<ChatCompletionRequest['tools']>[number];

function toolOf({ type, name, input_schema: parameters, ...described }: NonNullable<Asked['tools']>[number]): ChatTool {
  if (type != null && type !== 'custom') return { type };
  if (name === undefined) return { type: 'function' };
  const { description, strict } = described;
  return {
    type: 'function',
    function: { name, description: description ?? null, parameters: parameters ?? null, strict: strict ?? null },
  };
}

function choiceOf({ type, name }: NonNullable<Asked['tool_choice']>): unknown {
  if (type === 'tool') return { type: 'function', function: { name } };
  if (type === 'auto' || type === 'none') return type;
  if (type === 'any') return 'required';
  throw new Problem('invalid_value', 'The type of tool_choice is auto, any, tool or none.', {
    param: 'tool_choice.type',
  });
}

function formatOf(
  format: NonNullable<Asked['output_config']>['format'] | undefined,
): NonNullable<ChatCompletionRequest['response_format']> | null {
  if (format == null) return null;
  const { type, schema } = format;
  if (type === 'json_schema') return { type, json_schema: { schema } };
  const sentence = 'The type of output_config.format is json_schema.';
  throw new Problem('unsupported_parameter', sentence, { param: 'output_config.format.type' });
}

/** What a chat calls its parameters, with what it is here. */
const NAMES: readonly [RegExp, string][] = [
  [/\bmax_completion_tokens\b/g, 'max_tokens'],
  [/\bresponse_format\.json_schema\b/g, 'output_config.format'],
  [/\bresponse_format\b/g, 'output_config.format'],
  [/\b(tools\.\d+)\.function(?=$|')/g, '$1.name'],
  [/\b(tools\.\d+)\.function\b/g, '$1'],
  [/\b(tools\.[\w-]+)\.parameters\b/g, '$1.input_schema'],
  [/\btool_call_id\b/g, 'tool_use_id'],
  [/\bimage_url\.url\b/g, 'source'],
  [/^stop\b/g, 'stop_sequences'],
  [/\bLeave stop out\b/g, 'Leave stop_sequences out'],
];
