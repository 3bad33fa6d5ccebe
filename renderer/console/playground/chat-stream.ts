import { fetchFromRelay, problemOf } from '../api.ts';
import { orderRequest } from './ask-model.ts';
import { readEvents } from './event-stream.ts';

export type ChatOrder = {
  model: string;
  messages: { role: 'system' | 'user'; content: string }[];
  max_completion_tokens?: number;
  temperature?: number;
};

/** What is known of an answer so far. Times in milliseconds. */
export type ChatAnswer = {
  text: string;
  /** What the model thought first. */
  reasoning: string;
  firstTokenMs: number | null;
  totalMs: number | null;
  outputTokens: number | null;
  node: string | null;
  receipt: string | null;
};

type Chunk = {
  choices?: { delta?: { content?: string | null; reasoning_content?: string } }[];
  usage?: { completion_tokens: number } | null;
};

const NOTHING: ChatAnswer = {
  text: '',
  reasoning: '',
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
  if (!response.ok) throw await problemOf(response);
  const { headers } = response;
  let answer: ChatAnswer = {
    ...NOTHING,
    node: headers.get('x-sparewatt-node'),
    receipt: headers.get('x-sparewatt-receipt'),
  };
  const take = ({ choices, usage }: Chunk): void => {
    const { content, reasoning_content: thought = '' } = choices?.[0]?.delta ?? {};
    const more = content ?? '';
    answer = {
      ...answer,
      text: answer.text + more,
      reasoning: answer.reasoning + thought,
      firstTokenMs: answer.firstTokenMs ?? (more + thought === '' ? null : elapsed()),
      outputTokens: usage?.completion_tokens ?? answer.outputTokens,
    };
  };
  await readEvents(response, take, () => show(answer));
  show({ ...answer, totalMs: elapsed() });
}
