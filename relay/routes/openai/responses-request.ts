import type { ChatCompletionRequest } from '../../../shared/api/chat.ts';
import type { ResponsesRequest } from '../../../shared/api/responses.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { OwnTermsOrder } from './chat-in-own-terms.ts';
import { readChatRequest } from './chat-request.ts';
import { createOwnTerms } from './own-terms.ts';
import { type ResponseTools, readResponseTools } from './response-tools.ts';
import { readInput } from './responses-input.ts';

const HONOURED = new Set([
  'model',
  'input',
  'instructions',
  'stream',
  'max_output_tokens',
  'temperature',
  'top_p',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'reasoning',
  'text',
  'metadata',
  'routing',
]);
/** Each with what is meant when it is asked for nothing. */
const UNSUPPORTED: readonly [param: keyof ResponsesRequest, advice: string][] = [
  ['previous_response_id', 'This relay keeps no responses. Send the whole conversation as input.'],
  ['conversation', 'This relay keeps no conversations. Send the whole conversation as input.'],
  ['prompt', 'This relay keeps no prompts. Send its text as instructions.'],
  ['background', 'Answers are not made in the background here. Submit a job at /v1/jobs instead.'],
  ['top_logprobs', 'Responses have no logprobs here. Ask /v1/chat/completions for them.'],
];
const LOGPROBS = 'message.output_text.logprobs';

/**
 * Turns a body that has passed the schema into that of a chat, and that into what a node is asked. Errors: those of
 * `readChatRequest`, and for what would need something that is kept.
 */
export function readResponsesRequest(body: ResponsesRequest): OwnTermsOrder {
  for (const [param, advice] of UNSUPPORTED) {
    if (body[param]) throw new Problem('unsupported_parameter', advice, { param });
  }
  if (body.include?.includes(LOGPROBS) === true) {
    throw new Problem('unsupported_parameter', 'Responses have no logprobs here. Ask /v1/chat/completions for them.', {
      param: 'include',
    });
  }
  const tools = readResponseTools(body.tools);
  const { messages, places } = readInput(body, tools);
  const { named, told: inOwnTerms } = createOwnTerms({
    places,
    toolPlaces: tools.places,
    names: NAMES,
    conversation: 'input',
  });
  const chat: ChatCompletionRequest = {
    model: body.model,
    messages,
    stream: body.stream ?? null,
    max_completion_tokens: body.max_output_tokens ?? null,
    temperature: body.temperature ?? null,
    top_p: body.top_p ?? null,
    tools: body.tools == null ? null : [...tools.chat],
    tool_choice: choiceOf(body.tool_choice, tools),
    parallel_tool_calls: body.parallel_tool_calls ?? null,
    response_format: formatOf(body.text?.format),
    reasoning_effort: body.reasoning?.effort ?? null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    user: body.user ?? null,
    routing: body.routing ?? null,
  };
  try {
    const order = readChatRequest(chat);
    const ignored = order.ignored.filter((param) => !(param in body)).map(named);
    return { ...order, chat, inOwnTerms, ignored: [...ignoredOf(body), ...ignored] };
  } catch (error) {
    throw inOwnTerms(error);
  }
}

function ignoredOf(body: ResponsesRequest): string[] {
  const params = Object.entries(body).flatMap(([key, value]) => (HONOURED.has(key) || value == null ? [] : [key]));
  if (body.text?.verbosity != null) params.push('text.verbosity');
  if (body.reasoning?.summary != null) params.push('reasoning.summary');
  return params;
}

type Choice = { type?: unknown; name?: unknown; namespace?: unknown; mode?: unknown; tools?: unknown };

function choiceOf(choice: unknown, offered: ResponseTools): unknown {
  if (typeof choice !== 'object' || choice === null) return choice;
  const { type, name, namespace, mode, tools } = choice as Choice;
  if (type === 'allowed_tools') {
    const allowed = Array.isArray(tools) ? tools.map((one) => choiceOf(one, offered)) : tools;
    return { type, allowed_tools: { mode, tools: allowed } };
  }
  if (typeof name !== 'string') return { type, function: { name } };
  return {
    type,
    function: { name: offered.nameOf({ name, ...(typeof namespace === 'string' ? { namespace } : {}) }) },
  };
}

function formatOf(
  format: NonNullable<ResponsesRequest['text']>['format'] | undefined,
): NonNullable<ChatCompletionRequest['response_format']> | null {
  if (format == null) return null;
  const { type, name, schema, strict } = format;
  return type === 'json_schema'
    ? { type, json_schema: { name: name ?? null, schema, strict: strict ?? null } }
    : { type };
}

/** What a chat calls its parameters, with what it is here. */
const NAMES: readonly [RegExp, string][] = [
  [/\bmax_completion_tokens\b/g, 'max_output_tokens'],
  [/\bresponse_format\.json_schema\b/g, 'text.format'],
  [/\bresponse_format\b/g, 'text.format'],
  [/\b(tools\.\d+)\.function(?=$|')/g, '$1.name'],
  [/\b(tools\.\d+)\.function\b/g, '$1'],
  [/\btool_call_id\b/g, 'call_id'],
  [/\breasoning_effort\b/g, 'reasoning.effort'],
  [/\bimage_url\.url\b/g, 'image_url'],
];
