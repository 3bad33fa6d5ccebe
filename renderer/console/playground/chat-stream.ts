import { createParser } from 'eventsource-parser';
import { fetchFromRelay, problemOf, RelayProblem } from '../api.ts';
import { brokenOff, orderRequest } from './ask-model.ts';

export type ChatOrder = {
  model: string;
  messages: { role: 'system' | 'user'; content: string }[];
  max_completion_tokens?: number;
  temperature?: number;
};

/** What is known of an answer so far. Times in milliseconds. */
export type ChatAnswer = {
  text: string;
  firstTokenMs: number | null;
  totalMs: number | null;
  outputTokens: number | null;
  node: string | null;
  receipt: string | null;
};

type Chunk = {
  choices?: { delta?: { content?: string | null } }[];
  usage?: { completion_tokens: number } | null;
  error?: { message: string; code?: string | null };
};

const NOTHING: ChatAnswer = {
  text: '',
  firstTokenMs: null,
  totalMs: null,
  outputTokens: null,
  node: null,
  receipt: null,
};

/**
 * Streams an answer and shows each state of it. Where the key is empty the session pays for it. Rejects with the relay's problem,
 * and with an `AbortError` when it is given up.
 */
export async function streamChat(
  order: ChatOrder,
  key: string,
  signal: AbortSignal,
  show: (answer: ChatAnswer) => void,
): Promise<void> {
  const startedAt = performance.now();
  const elapsed = (): number => performance.now() - startedAt;
  const body = { ...order, stream: true, stream_options: { include_usage: true } };
  const response = await fetchFromRelay('/v1/chat/completions', orderRequest(body, key, signal));
  if (!response.ok || response.body === null) throw await problemOf(response);
  const { headers } = response;
  let answer: ChatAnswer = {
    ...NOTHING,
    node: headers.get('x-sparewatt-node'),
    receipt: headers.get('x-sparewatt-receipt'),
  };
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data === '[DONE]') return;
      const { choices, usage, error } = JSON.parse(data) as Chunk;
      if (error !== undefined) throw new RelayProblem(response.status, error.code ?? 'unknown', error.message);
      const more = choices?.[0]?.delta?.content ?? '';
      answer = {
        ...answer,
        text: answer.text + more,
        firstTokenMs: answer.firstTokenMs ?? (more === '' ? null : elapsed()),
        outputTokens: usage?.completion_tokens ?? answer.outputTokens,
      };
    },
  });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read().catch(brokenOff);
    if (done) break;
    parser.feed(value);
    show(answer);
  }
  show({ ...answer, totalMs: elapsed() });
}
