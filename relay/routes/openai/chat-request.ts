import type { ChatCompletionRequest } from '../../../shared/api/chat.ts';
import { SAMPLING, STREAMING } from '../../../shared/api/sampling.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { ChatInput } from '../../../shared/protocol/messages.ts';
import type { PictureOrder } from '../../pictures/picture-fetcher.ts';
import { readFormatWishes } from './answer-wishes.ts';
import { readMessages } from './chat-messages.ts';
import { type ChatPictureOrder, collectPictures } from './chat-pictures.ts';
import { ignoredEfforts, readEffort } from './reasoning-effort.ts';
import { assertStreamOptions, readDrawing, readStops } from './sampling-wishes.ts';

export type ChatOrder = {
  model: string;
  input: ChatInput;
  /** Those of the messages, in their order; most conversations have none. */
  pictures: readonly PictureOrder[];
  stream: boolean;
  includeUsage: boolean;
  ignored: string[];
};

/** Turns a body that has passed the schema into what a node is asked; refuses what would otherwise be ignored. */
export function readChatRequest(body: ChatCompletionRequest): ChatOrder {
  for (const [param, isUsed] of UNSUPPORTED) {
    if (isUsed(body)) throw unsupported(param);
  }
  assertStreamOptions(body);
  const wishes = readFormatWishes(body);
  const pictures: ChatPictureOrder[] = [];
  const messages = readMessages(body.messages, collectPictures(pictures));
  return {
    model: body.model,
    pictures,
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
    ignored: [...ignoredParams(body, pictures), ...wishes.ignored],
    // In the order of canonical JSON, in which the receipt's hash is taken: what need not be sorted is hashed faster.
    input: {
      maxTokens: body.max_completion_tokens ?? body.max_tokens ?? null,
      messages,
      ...readEffort(body),
      seed: body.seed ?? null,
      stop: readStops(body),
      temperature: body.temperature ?? null,
      topP: body.top_p ?? null,
      ...readSampling(body),
      ...wishes.input,
    },
  };
}

/** What a node is asked by a body of text alone. Errors: those of `readChatRequest`, `unsupported_content` for pictures. */
export function readTextRequest(body: ChatCompletionRequest): ChatInput {
  const { input, pictures } = readChatRequest(body);
  const [picture] = pictures;
  if (picture === undefined) return input;
  const sentence = 'Pictures are read by /v1/chat/completions alone. Ask there.';
  throw new Problem('unsupported_content', sentence, { param: picture.param });
}

function readSampling(body: ChatCompletionRequest): Partial<ChatInput> {
  const input = readDrawing(body);
  if (body.logprobs ?? false) input.topLogprobs = body.top_logprobs ?? 0;
  else if ((body.top_logprobs ?? 0) > 0) {
    throw new Problem('invalid_value', 'top_logprobs is only allowed together with logprobs: true.', {
      param: 'top_logprobs',
    });
  }
  return input;
}

function ignoredParams(body: ChatCompletionRequest, pictures: readonly ChatPictureOrder[]): string[] {
  const params = Object.keys(body).filter((key) => !HONOURED.has(key) && isSet(body[key as keyof typeof body]));
  params.push(...ignoredEfforts(body));
  if (body.messages.some((message) => isSet(message.name))) params.push('messages.name');
  // A model sees pictures at its own size.
  if (pictures.some(({ hasDetail }) => hasDetail)) params.push('messages.content.image_url.detail');
  return params;
}

type IsUsed = (body: ChatCompletionRequest) => boolean;

/** Parameters this version knows and cannot honour, each with the test of whether the request really asks for it. */
const UNSUPPORTED: [string, IsUsed][] = [
  ['functions', (body) => (body.functions ?? []).length > 0],
  [
    'function_call',
    (body) => body.function_call != null && body.function_call !== 'none' && body.function_call !== 'auto',
  ],
  ['modalities', (body) => (body.modalities ?? []).some((modality) => modality !== 'text')],
  ['audio', (body) => body.audio != null],
  ['prediction', (body) => body.prediction != null],
  ['web_search_options', (body) => body.web_search_options != null],
];

/** What OpenAI itself has put in the place of older parameters. */
const INSTEAD = new Map([
  ['functions', 'tools'],
  ['function_call', 'tool_choice'],
]);

const HONOURED = new Set([
  'model',
  'messages',
  'max_completion_tokens',
  'max_tokens',
  'reasoning_effort',
  'reasoning',
  'chat_template_kwargs',
  'routing',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'response_format',
  'structured_outputs',
  'logprobs',
  'top_logprobs',
  ...Object.keys(STREAMING),
  ...Object.keys(SAMPLING),
  ...UNSUPPORTED.map(([param]) => param),
]);

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function unsupported(param: string): Problem {
  const instead = INSTEAD.get(param);
  const advice = instead === undefined ? 'Leave it out.' : `Use "${instead}" instead.`;
  return new Problem('unsupported_parameter', `This relay does not support "${param}". ${advice}`, { param });
}
