import type { RuntimeLog } from '../../../main/headless/inference/worker-runtime.ts';
import type { ChatInput, TokenLogprob } from '../../../shared/protocol/messages.ts';
import type { RuntimeJob, RuntimeOutput, ToolCallPiece } from '../../../shared/runtimes/runtime.ts';
import { chatInput } from '../models/pretended-model.ts';

export function chatJob(model: string, prompt: string, options: Partial<ChatInput> = {}): RuntimeJob {
  return { type: 'llm', model, input: chatInput(prompt, options) };
}

export function embedJob(model: string, inputs: (string | number[])[], dimensions: number | null = null): RuntimeJob {
  return { type: 'embed', model, input: { inputs, dimensions } };
}

export type CollectedOutput = RuntimeOutput & {
  /** All pieces of text, of whatever choice. */
  pieces: string[];
  tokens: number;
  /** The text of each choice. */
  texts: string[];
  calls: ToolCallPiece[];
  logprobs: TokenLogprob[];
  /** What each piece and call told of the length of the prompt. */
  prompts: (number | undefined)[];
  rows: Map<number, number[]>;
};

/** Keeps everything that a job gives out; `onText` runs after each piece. */
export function collectOutput(onText: (output: CollectedOutput) => void = () => undefined): CollectedOutput {
  const output: CollectedOutput = {
    pieces: [],
    tokens: 0,
    texts: [],
    calls: [],
    logprobs: [],
    prompts: [],
    rows: new Map(),
    text(text, tokens, { choice = 0, logprobs = [], inputTokens } = {}) {
      output.prompts.push(inputTokens);
      output.pieces.push(text);
      output.texts[choice] = (output.texts[choice] ?? '') + text;
      output.tokens += tokens;
      output.logprobs.push(...logprobs);
      onText(output);
    },
    toolCall(piece) {
      output.prompts.push(piece.inputTokens);
      output.calls.push(piece);
      output.tokens += piece.tokens;
      output.logprobs.push(...(piece.logprobs ?? []));
    },
    vectors(start, count, dimensions, values) {
      for (let row = 0; row < count; row++) {
        output.rows.set(start + row, [...values.subarray(row * dimensions, (row + 1) * dimensions)]);
      }
    },
  };
  return output;
}

/** A log that remembers its faults. */
export function collectLog(): RuntimeLog & { faults: string[] } {
  const faults: string[] = [];
  return { faults, info: () => undefined, fault: (message, detail) => void faults.push(`${message} ${detail}`) };
}

/** A signal that is never aborted. */
export const NEVER: AbortSignal = new AbortController().signal;
