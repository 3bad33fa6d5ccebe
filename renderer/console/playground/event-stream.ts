import { createParser } from 'eventsource-parser';
import { RelayProblem } from '../api.ts';
import { brokenOff } from './ask-model.ts';

type Failure = { error?: { message: string; code?: string | null } };

/**
 * Hands over each event of a stream, and tells after each piece of it that something has come. Rejects with the problem that the
 * relay ends a stream with, and with an `AbortError` when it is given up.
 */
export async function readEvents<Event>(
  { body, status }: Response,
  take: (event: Event) => void,
  taken: () => void,
): Promise<void> {
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data === '[DONE]') return;
      const event = JSON.parse(data) as Event & Failure;
      if (event.error !== undefined) throw new RelayProblem(status, event.error.code ?? 'unknown', event.error.message);
      take(event);
    },
  });
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = (await reader?.read().catch(brokenOff)) ?? { done: true, value: undefined };
    if (done) return;
    parser.feed(value);
    taken();
  }
}
