import { EventSourceParserStream } from 'eventsource-parser/stream';
import { type Static, Type } from 'typebox';
import { fromProblemRecord, Problem } from '../../../shared/problems/problem.ts';
import { validatorOf } from '../../../shared/protocol/validator.ts';
import { noAnswer, notARelay } from './no-answer.ts';
import { headersOf } from './signed-request.ts';

export type AskOptions = {
  relayUrl: string;
  apiKey: string;
  model: string;
  prompt: string;
  /** Addresses of pictures to show before the prompt. */
  pictures?: readonly string[];
  system?: string;
  maxTokens?: number;
  onText(text: string): void;
  /** What the model thinks before it answers. */
  onThought?(text: string): void;
  signal?: AbortSignal;
};

/** Several tokens come in one piece: what came sooner after the first would be said to have come at any rate. */
const LEAST_TIMED_MS = 50;

/** A complete answer with what the client itself measured. */
export type ChatAnswer = {
  text: string;
  /** What the model thought first; absent where nothing was told of it. */
  reasoning?: string;
  model: string;
  node: string;
  jobId: string;
  receiptId: string;
  finishReason: string | null;
  inputTokens: number;
  outputTokens: number;
  firstTokenMs: number;
  totalMs: number;
  /** Tokens after the first over the time after the first; null where that is too short a time to tell. */
  tokensPerSecond: number | null;
};

const Chunk = validatorOf(
  Type.Object({
    choices: Type.Array(
      Type.Object({
        delta: Type.Object({
          content: Type.Optional(Type.String()),
          reasoning_content: Type.Optional(Type.String()),
        }),
        finish_reason: Type.Union([Type.String(), Type.Null()]),
      }),
    ),
    usage: Type.Optional(
      Type.Union([Type.Object({ prompt_tokens: Type.Integer(), completion_tokens: Type.Integer() }), Type.Null()]),
    ),
  }),
);
const ErrorEvent = Type.Object({ error: Type.Object({ code: Type.String(), message: Type.String() }) });
const isErrorEvent = validatorOf(ErrorEvent);

/** Sends one chat completion through the public HTTP API. Throws the relay's refusal, or `relay_unreachable`. */
export async function askChat(options: AskOptions): Promise<ChatAnswer> {
  const startedAt = performance.now();
  const response = await post(options);
  if (!response.ok || response.body === null) throw await refusalOf(response, options.relayUrl);
  const type = response.headers.get('content-type') ?? '';
  if (!type.startsWith('text/event-stream')) throw notARelay(options.relayUrl, response);
  const answer: ChatAnswer = {
    text: '',
    model: options.model,
    node: response.headers.get('x-sparewatt-node') ?? 'unknown',
    jobId: response.headers.get('x-sparewatt-job') ?? 'unknown',
    receiptId: response.headers.get('x-sparewatt-receipt') ?? 'unknown',
    finishReason: null,
    inputTokens: 0,
    outputTokens: 0,
    firstTokenMs: 0,
    totalMs: 0,
    tokensPerSecond: null,
  };
  for await (const { data } of events(response.body)) {
    if (data === '[DONE]') break;
    readEvent(data, answer, startedAt, options);
  }
  if (answer.finishReason === null) throw new Problem('node_lost', 'The answer broke off before its end. Ask again.');
  answer.totalMs = performance.now() - startedAt;
  const streamingMs = answer.totalMs - answer.firstTokenMs;
  if (streamingMs >= LEAST_TIMED_MS) answer.tokensPerSecond = ((answer.outputTokens - 1) * 1_000) / streamingMs;
  return answer;
}

function contentOf({ prompt, pictures = [] }: AskOptions): unknown {
  if (pictures.length === 0) return prompt;
  return [...pictures.map((url) => ({ type: 'image_url', image_url: { url } })), { type: 'text', text: prompt }];
}

async function post(options: AskOptions): Promise<Response> {
  const system = options.system === undefined ? [] : [{ role: 'system', content: options.system }];
  const body = JSON.stringify({
    model: options.model,
    messages: [...system, { role: 'user', content: contentOf(options) }],
    stream: true,
    stream_options: { include_usage: true },
    max_completion_tokens: options.maxTokens ?? null,
  });
  const [method, url] = ['POST', `${options.relayUrl}/v1/chat/completions`];
  const headers = headersOf({ method, url, apiKey: options.apiKey, body });
  try {
    return await fetch(url, { method, headers, body, signal: options.signal ?? null });
  } catch (error) {
    options.signal?.throwIfAborted();
    throw noAnswer(options.relayUrl, error);
  }
}

function events(body: ReadableStream<Uint8Array>) {
  return body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .pipeThrough(new EventSourceParserStream());
}

function readEvent(
  data: string,
  answer: ChatAnswer,
  startedAt: number,
  { onText, onThought }: Pick<AskOptions, 'onText' | 'onThought'>,
): void {
  const event: unknown = JSON.parse(data);
  if (isErrorEvent.Check(event)) throw problemOf(event);
  if (!Chunk.Check(event)) return;
  const [choice] = event.choices;
  const { content: text = '', reasoning_content: thought = '' } = choice?.delta ?? {};
  if (answer.firstTokenMs === 0 && text + thought !== '') answer.firstTokenMs = performance.now() - startedAt;
  if (thought !== '') {
    answer.reasoning = (answer.reasoning ?? '') + thought;
    onThought?.(thought);
  }
  if (text !== '') {
    answer.text += text;
    onText(text);
  }
  answer.finishReason = choice?.finish_reason ?? answer.finishReason;
  if (event.usage) {
    answer.inputTokens = event.usage.prompt_tokens;
    answer.outputTokens = event.usage.completion_tokens;
  }
}

async function refusalOf(response: Response, relayUrl: string): Promise<Problem> {
  const body: unknown = await response.json().catch(() => undefined);
  if (isErrorEvent.Check(body)) return problemOf(body);
  return notARelay(relayUrl, response);
}

function problemOf(event: Static<typeof ErrorEvent>): Problem {
  return fromProblemRecord({ code: event.error.code, detail: event.error.message });
}
