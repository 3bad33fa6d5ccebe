import type { ChatCompletionRequest } from '../../../shared/api/chat.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { ChatInput, ChatMessage } from '../../../shared/protocol/messages.ts';

export type ChatOrder = { model: string; input: ChatInput; stream: boolean; includeUsage: boolean; ignored: string[] };

/** Turns a body that has passed the schema into what a node is asked; refuses what would otherwise be ignored. */
export function readChatRequest(body: ChatCompletionRequest): ChatOrder {
  for (const [param, isUsed] of UNSUPPORTED) {
    if (isUsed(body)) throw unsupported(param);
  }
  const stream = body.stream ?? false;
  if (body.stream_options != null && !stream) {
    throw new Problem('invalid_value', 'stream_options is only allowed together with stream: true.', {
      param: 'stream_options',
    });
  }
  return {
    model: body.model,
    stream,
    includeUsage: body.stream_options?.include_usage ?? false,
    ignored: ignoredParams(body),
    // In the order of canonical JSON, in which the receipt's hash is taken: what need not be sorted is hashed faster.
    input: {
      maxTokens: body.max_completion_tokens ?? body.max_tokens ?? null,
      messages: body.messages.map(readMessage),
      seed: body.seed ?? null,
      stop: typeof body.stop === 'string' ? [body.stop] : (body.stop ?? []),
      temperature: body.temperature ?? null,
      topP: body.top_p ?? null,
    },
  };
}

function ignoredParams(body: ChatCompletionRequest): string[] {
  const params = Object.keys(body).filter((key) => !HONOURED.has(key) && isSet(body[key as keyof typeof body]));
  if (body.messages.some((message) => isSet(message.name))) params.push('messages.name');
  return params;
}

type IsUsed = (body: ChatCompletionRequest) => boolean;

/** Parameters this version knows and cannot honour, each with the test of whether the request really asks for it. */
const UNSUPPORTED: [string, IsUsed][] = [
  ['n', (body) => (body.n ?? 1) > 1],
  ['tools', (body) => (body.tools ?? []).length > 0],
  ['functions', (body) => (body.functions ?? []).length > 0],
  ['tool_choice', (body) => body.tool_choice != null && body.tool_choice !== 'none' && body.tool_choice !== 'auto'],
  [
    'function_call',
    (body) => body.function_call != null && body.function_call !== 'none' && body.function_call !== 'auto',
  ],
  ['response_format', (body) => body.response_format != null && body.response_format.type !== 'text'],
  ['logprobs', (body) => body.logprobs ?? false],
  ['top_logprobs', (body) => (body.top_logprobs ?? 0) > 0],
  ['logit_bias', (body) => Object.keys(body.logit_bias ?? {}).length > 0],
  ['presence_penalty', (body) => (body.presence_penalty ?? 0) !== 0],
  ['frequency_penalty', (body) => (body.frequency_penalty ?? 0) !== 0],
  ['modalities', (body) => (body.modalities ?? []).some((modality) => modality !== 'text')],
  ['audio', (body) => body.audio != null],
  ['prediction', (body) => body.prediction != null],
  ['web_search_options', (body) => body.web_search_options != null],
];

const HONOURED = new Set([
  'model',
  'messages',
  'stream',
  'stream_options',
  'max_completion_tokens',
  'max_tokens',
  'temperature',
  'top_p',
  'seed',
  'stop',
  'routing',
  ...UNSUPPORTED.map(([param]) => param),
]);

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function unsupported(param: string): Problem {
  return new Problem('unsupported_parameter', `This relay does not support "${param}" yet. Leave it out.`, { param });
}

type RequestMessage = ChatCompletionRequest['messages'][number];

const ROLES: Record<string, ChatMessage['role']> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
};

function readMessage(message: RequestMessage, index: number): ChatMessage {
  const role = ROLES[message.role];
  if (role === undefined) throw unsupportedRole(message.role, index);
  if ((message.tool_calls ?? []).length > 0) {
    throw new Problem('unsupported_content', 'Tool calls are not supported yet.', {
      param: `messages.${index}.tool_calls`,
    });
  }
  return { content: readContent(message, index), role };
}

function unsupportedRole(role: string, index: number): Problem {
  const param = `messages.${index}.role`;
  if (role === 'tool' || role === 'function') {
    return new Problem('unsupported_content', `Messages of the role "${role}" are not supported yet.`, { param });
  }
  return new Problem('invalid_value', `The role must be system, developer, user or assistant, not "${role}".`, {
    param,
  });
}

function readContent(message: RequestMessage, index: number): string {
  const { content } = message;
  if (typeof content === 'string') return content;
  if (content === undefined || content === null) {
    if (message.role === 'assistant') return '';
    throw new Problem('missing_required_parameter', 'A message needs content.', { param: `messages.${index}.content` });
  }
  return content.map((part, at) => readPart(part, `messages.${index}.content.${at}`)).join('');
}

function readPart(part: { type: string; text?: unknown }, param: string): string {
  if (part.type === 'text' && typeof part.text === 'string') return part.text;
  if (part.type === 'text') {
    const code = part.text === undefined ? 'missing_required_parameter' : 'invalid_value';
    throw new Problem(code, 'A text part needs a text, as a string.', { param: `${param}.text` });
  }
  throw new Problem('unsupported_content', `This model reads text only, not "${part.type}".`, { param });
}
