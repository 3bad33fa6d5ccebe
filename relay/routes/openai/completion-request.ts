import type { CompletionRequest } from '../../../shared/api/completions.ts';
import { SAMPLING, STREAMING } from '../../../shared/api/sampling.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { ChatInput } from '../../../shared/protocol/messages.ts';
import { assertStreamOptions, readDrawing, readStops } from './sampling-wishes.ts';

export type CompletionOrder = {
  model: string;
  input: ChatInput;
  /** What the answer begins with; empty where the prompt is not to be repeated. */
  echoed: string;
  stream: boolean;
  includeUsage: boolean;
  ignored: string[];
};

/** OpenAI's default on this route; its chats have none. */
const DEFAULT_MAX_TOKENS = 16;

/** Turns a body that has passed the schema into what a node is asked; refuses what would otherwise be ignored. */
export function readCompletionRequest(body: CompletionRequest): CompletionOrder {
  const prompt = readPrompt(body.prompt);
  const wantsLogprobs = body.logprobs != null;
  if ((body.suffix ?? '') !== '') throw unsupported('suffix', 'This relay continues texts and fills no gaps.');
  if ((body.best_of ?? 1) > (body.n ?? 1)) throw unsupported('best_of', 'This relay gives all answers that it makes.');
  if (body.echo === true && wantsLogprobs) throw unsupported('echo', 'Prompts have no logprobs here.');
  assertStreamOptions(body);
  return {
    model: body.model,
    echoed: body.echo === true ? prompt : '',
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
    ignored: Object.keys(body).filter((key) => !HONOURED.has(key) && body[key as keyof CompletionRequest] != null),
    input: {
      maxTokens: body.max_tokens ?? DEFAULT_MAX_TOKENS,
      messages: [{ role: 'user', content: prompt }],
      raw: true,
      seed: body.seed ?? null,
      stop: readStops(body),
      temperature: body.temperature ?? null,
      topP: body.top_p ?? null,
      ...readDrawing(body),
      ...(wantsLogprobs ? { topLogprobs: body.logprobs ?? 0 } : {}),
    },
  };
}

function readPrompt(prompt: unknown): string {
  const texts = Array.isArray(prompt) ? prompt : [prompt];
  if (texts.length > 1 && texts.every((text) => typeof text === 'string')) {
    throw refusedPrompt('This relay takes one prompt in a request. Send the others in requests of their own.');
  }
  const [text] = texts;
  if (typeof text === 'string' && text !== '') return text;
  if (typeof text === 'number' || Array.isArray(text)) {
    throw refusedPrompt('This relay takes prompts as text, not as tokens. Send the text.');
  }
  throw new Problem('invalid_value', 'The prompt is a text that is not empty.', { param: 'prompt' });
}

const HONOURED = new Set([
  'model',
  'prompt',
  'max_tokens',
  'logprobs',
  'echo',
  'best_of',
  'suffix',
  'routing',
  ...Object.keys(STREAMING),
  ...Object.keys(SAMPLING),
]);

function refusedPrompt(sentence: string): Problem {
  return new Problem('unsupported_parameter', sentence, { param: 'prompt' });
}

function unsupported(param: string, reason: string): Problem {
  return new Problem('unsupported_parameter', `${reason} Change or leave out "${param}".`, { param });
}
