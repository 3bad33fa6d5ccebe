import type { ChatInput } from '../../shared/protocol/messages.ts';
import { createSyntheticRuntime } from '../support/synthetic-runtime.ts';
import type { StreamTimes } from './ask.ts';

const runtime = createSyntheticRuntime();

/** Times of the same model called as a function, in this process. */
export async function timesInProcess(model: string, content: string, maxTokens: number | null): Promise<StreamTimes> {
  const messages: ChatInput['messages'] = [{ role: 'user', content }];
  const input: ChatInput = { messages, maxTokens, temperature: null, topP: null, seed: null, stop: [] };
  const start = performance.now();
  let firstTokenMs: number | undefined;
  const text = (): void => {
    firstTokenMs ??= performance.now() - start;
  };
  await runtime.run(
    { type: 'llm', model, input },
    { text, toolCall: () => undefined, vectors: () => undefined },
    new AbortController().signal,
  );
  const totalMs = performance.now() - start;
  return { firstTokenMs: firstTokenMs ?? totalMs, totalMs };
}
