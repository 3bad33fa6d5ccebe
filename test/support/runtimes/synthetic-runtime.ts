import { Problem } from '../../../shared/problems/problem.ts';
import type { ServedModel } from '../../../shared/protocol/capabilities.ts';
import type { ChatInput, EmbedInput, JsonInput } from '../../../shared/protocol/messages.ts';
import type { Runtime, RuntimeJob, RuntimeOutput, RuntimeResult } from '../../../shared/runtimes/runtime.ts';
import { PRETENDED_CONTEXT, pretendedExecution, pretendedModel } from '../models/pretended-model.ts';

/**
 * A runtime without a model, for tests of everything around one. What its models do is in their names:
 * `test/echo` repeats the last message word by word, `test/noop` says "ok", `test/ten-ms` takes 10 ms for each of the
 * tokens asked for, `test/stuck` says one word and then nothing until it is cancelled, `test/failing` fails before its
 * first word, `test/breaking` after it, `test/vectors` makes vectors of text lengths.
 */
export type SyntheticRuntime = Runtime & {
  /** Every job that was started, and how it ended. */
  readonly jobs: { model: string; tokens: number; end: 'running' | 'done' | 'cancelled' | 'failed' }[];
};

const EXECUTION = pretendedExecution('synthetic');
export const DIMENSIONS = 4;

type Entry = SyntheticRuntime['jobs'][number];
type Behaviour = (input: ChatInput, output: RuntimeOutput, signal: AbortSignal, entry: Entry) => Promise<void> | void;

const CHAT_MODELS: Record<string, Behaviour> = {
  'test/noop': (_input, output, _signal, entry) => say('ok', output, entry),
  'test/echo': (input, output, _signal, entry) => {
    for (const word of wordsOf(input)) say(word, output, entry);
  },
  'test/ten-ms': async (input, output, signal, entry) => {
    const count = input.maxTokens ?? 10;
    for (let i = 0; i < count; i++) {
      await wait(10, signal);
      say(`${i} `, output, entry);
    }
  },
  'test/stuck': async (_input, output, signal, entry) => {
    say('first ', output, entry);
    await wait(2 ** 31 - 1, signal);
  },
  'test/failing': () => {
    throw new Error('synthetic fault, which nobody outside may read');
  },
  'test/breaking': (_input, output, _signal, entry) => {
    say('half ', output, entry);
    throw new Problem('node_fault', 'The synthetic model broke.');
  },
};

const MODELS = [
  ...Object.keys(CHAT_MODELS).map((name) => pretendedModel(name)),
  pretendedModel('test/vectors', 'embed', DIMENSIONS),
];

/** `extra` are models beside the usual ones; those of a capability type answer with what they were asked. */
export function createSyntheticRuntime(extra: Record<string, ServedModel['type']> = {}): SyntheticRuntime {
  const jobs: Entry[] = [];
  const models = [...MODELS, ...Object.entries(extra).map(([name, type]) => pretendedModel(name, type))];
  return {
    jobs,
    models: () => models,
    onChange: () => undefined,
    run: async (job, output, signal) => {
      const entry: Entry = { model: job.model, tokens: 0, end: 'running' };
      jobs.push(entry);
      try {
        const result = await runJob(job, output, signal, entry);
        entry.end = 'done';
        return result;
      } catch (error) {
        entry.end = signal.aborted ? 'cancelled' : 'failed';
        throw error;
      }
    },
    close: async () => undefined,
  };
}

async function runJob(
  job: RuntimeJob,
  output: RuntimeOutput,
  signal: AbortSignal,
  entry: Entry,
): Promise<RuntimeResult> {
  if (job.type === 'embed') return embed(job.input, output);
  if (job.type !== 'llm') return transcribe(job.model, job.input);
  const behaviour = CHAT_MODELS[job.model];
  if (behaviour === undefined) throw new Problem('model_not_found', `No model ${job.model}.`, { param: 'model' });
  const inputTokens = job.input.messages.reduce((sum, { content }) => sum + content.split(/\s+/).length, 0);
  if (inputTokens > PRETENDED_CONTEXT) {
    throw new Problem(
      'context_length_exceeded',
      `The prompt has ${inputTokens} tokens and the model reads ${PRETENDED_CONTEXT}.`,
      { param: 'messages' },
    );
  }
  await behaviour(job.input, output, signal, entry);
  return { finishReason: 'stop', usage: { inputTokens, outputTokens: entry.tokens }, execution: EXECUTION };
}

function embed(input: EmbedInput, output: RuntimeOutput): RuntimeResult {
  if (input.dimensions !== null && input.dimensions !== DIMENSIONS) {
    throw new Problem('unsupported_parameter', `This model makes vectors of ${DIMENSIONS}.`, { param: 'dimensions' });
  }
  const values = new Float32Array(input.inputs.length * DIMENSIONS);
  input.inputs.forEach((item, row) => {
    for (let i = 0; i < DIMENSIONS; i++) values[row * DIMENSIONS + i] = item.length / (i + 1);
  });
  output.vectors(0, input.inputs.length, DIMENSIONS, values);
  const inputTokens = input.inputs.reduce((sum, item) => sum + item.length, 0);
  return { finishReason: 'stop', usage: { inputTokens, outputTokens: 0 }, execution: EXECUTION };
}

function transcribe(model: string, input: JsonInput): RuntimeResult {
  const usage = { inputTokens: 0, outputTokens: 0 };
  return { finishReason: 'stop', usage, execution: EXECUTION, output: { heard: input, by: model } };
}

function say(text: string, output: RuntimeOutput, entry: Entry): void {
  entry.tokens += 1;
  output.text(text, 1);
}

function wordsOf(input: ChatInput): string[] {
  return (input.messages.at(-1)?.content ?? '').match(/\S+\s*/g) ?? [];
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        reject(signal.reason);
      },
      { once: true },
    );
  });
}
