import { chatInput } from '../support/models/pretended-model.ts';
import { createSyntheticRuntime } from '../support/runtimes/synthetic-runtime.ts';
import type { StreamTimes } from './ask.ts';

const runtime = createSyntheticRuntime();

/** Times of the same model called as a function, in this process. */
export async function timesInProcess(model: string, content: string, maxTokens: number | null): Promise<StreamTimes> {
  const input = chatInput(content, { maxTokens });
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
