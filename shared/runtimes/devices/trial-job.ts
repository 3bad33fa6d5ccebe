import type { RuntimeJob, RuntimeOutput, RuntimeResult } from '../runtime.ts';

const TOKENS = 16;
const TEXTS = 4;
const TEXT = 'The quick brown fox jumps over the lazy dog.';

/** A short run of a model of a type, and how to count what it did; null for models that are not measured. */
export function trialJobOf(
  type: string,
  model: string,
): { job: RuntimeJob; count(result: Pick<RuntimeResult, 'usage'>): number } | null {
  if (type === 'llm') {
    const input = {
      messages: [{ role: 'user' as const, content: TEXT }],
      maxTokens: TOKENS,
      temperature: 0,
      topP: null,
      seed: null,
      stop: [],
    };
    return { job: { type, model, input }, count: ({ usage }) => usage.outputTokens };
  }
  if (type === 'embed') {
    const inputs = Array.from({ length: TEXTS }, () => TEXT);
    return { job: { type, model, input: { inputs, dimensions: null } }, count: () => TEXTS };
  }
  return null;
}

/** Of a trial nobody reads what comes out. */
export const NO_OUTPUT: RuntimeOutput = { text: () => undefined, toolCall: () => undefined, vectors: () => undefined };
