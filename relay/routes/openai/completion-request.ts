import { type CompletionRequest, MOST_PROMPTS } from '../../../shared/api/completions.ts';
import { SAMPLING, STREAMING } from '../../../shared/api/sampling.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { ChatInput } from '../../../shared/protocol/messages.ts';
import { assertStreamOptions, readDrawing, readStops } from './sampling-wishes.ts';

export type CompletionOrder = {
  model: string;
  /** Of each prompt, which alone they differ in. */
  inputs: ChatInput[];
  /** How many answers each prompt gets. */
  choices: number;
  withLogprobs: boolean;
  /** What a choice of the whole answer begins with; empty where the prompt is not to be repeated. */
  echoedIn(choice: number): string;
  stream: boolean;
  includeUsage: boolean;
  ignored: string[];
};

/** OpenAI's default on this route; its chats have none. */
const DEFAULT_MAX_TOKENS = 16;

/** Turns a body that has passed the schema into what a node is asked; refuses what would otherwise be ignored. */
export function readCompletionRequest(body: CompletionRequest): CompletionOrder {
  const prompts = readPrompts(body.prompt);
  const choices = body.n ?? 1;
  const wantsLogprobs = body.logprobs != null;
  if ((body.suffix ?? '') !== '') throw unsupported('suffix', 'This relay continues texts and fills no gaps.');
  if ((body.best_of ?? 1) > (body.n ?? 1)) throw unsupported('best_of', 'This relay gives all answers that it makes.');
  if (body.echo === true && wantsLogprobs) throw unsupported('echo', 'Prompts have no logprobs here.');
  assertStreamOptions(body);
  return {
    model: body.model,
    choices,
    withLogprobs: wantsLogprobs,
    echoedIn: (choice) => (body.echo === true ? (prompts[Math.floor(choice / choices)] ?? '') : ''),
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
    ignored: Object.keys(body).filter((key) => !HONOURED.has(key) && body[key as keyof CompletionRequest] != null),
    inputs: prompts.map((prompt) => ({
      maxTokens: body.max_tokens ?? DEFAULT_MAX_TOKENS,
      messages: [{ role: 'user', content: prompt }],
      raw: true,
      seed: body.seed ?? null,
      stop: readStops(body),
      temperature: body.temperature ?? null,
      topP: body.top_p ?? null,
      ...readDrawing(body),
      ...(wantsLogprobs ? { topLogprobs: body.logprobs ?? 0 } : {}),
    })),
  };
}

function readPrompts(prompt: unknown): string[] {
  const texts: unknown[] = Array.isArray(prompt) ? prompt : [prompt];
  if (texts.some((text) => typeof text === 'number' || Array.isArray(text))) {
    const sentence = 'This relay takes prompts as text, not as tokens. Send the text.';
    throw new Problem('unsupported_parameter', sentence, { param: 'prompt' });
  }
  if (texts.length > MOST_PROMPTS) {
    throw invalidPrompt(`A request may have ${MOST_PROMPTS} prompts. Send the others in requests of their own.`);
  }
  if (texts.length > 0 && texts.every(isPrompt)) return texts;
  throw invalidPrompt('The prompt is a text that is not empty, or a list of such texts.');
}

function isPrompt(text: unknown): text is string {
  return typeof text === 'string' && text !== '';
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

function invalidPrompt(sentence: string): Problem {
  return new Problem('invalid_value', sentence, { param: 'prompt' });
}

function unsupported(param: string, reason: string): Problem {
  return new Problem('unsupported_parameter', `${reason} Change or leave out "${param}".`, { param });
}
