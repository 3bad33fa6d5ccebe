import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { RuntimeLog } from '../../main/headless/inference/worker-runtime.ts';
import type { ChatInput } from '../../shared/protocol/messages.ts';
import type { RuntimeJob, RuntimeOutput } from '../../shared/runtimes/runtime.ts';
import { chatInput } from './pretended-model.ts';

/** A folder of its own for a test, removed after it. */
export async function temporaryFolder(context: Pick<TestContext, 'after'>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sparewatt-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export function chatJob(model: string, prompt: string, options: Partial<ChatInput> = {}): RuntimeJob {
  return { type: 'llm', model, input: chatInput(prompt, options) };
}

export function embedJob(model: string, inputs: (string | number[])[], dimensions: number | null = null): RuntimeJob {
  return { type: 'embed', model, input: { inputs, dimensions } };
}

export type CollectedOutput = RuntimeOutput & { pieces: string[]; tokens: number; rows: Map<number, number[]> };

/** Keeps everything that a job gives out; `onText` runs after each piece. */
export function collectOutput(onText: (output: CollectedOutput) => void = () => undefined): CollectedOutput {
  const output: CollectedOutput = {
    pieces: [],
    tokens: 0,
    rows: new Map(),
    text(text, tokens) {
      output.pieces.push(text);
      output.tokens += tokens;
      onText(output);
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
