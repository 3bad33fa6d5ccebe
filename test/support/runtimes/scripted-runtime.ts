import type { FinishReason } from '../../../shared/protocol/messages.ts';
import type { Runtime, RuntimeJob, RuntimeOutput } from '../../../shared/runtimes/runtime.ts';
import { pretendedExecution, pretendedModel } from '../models/pretended-model.ts';

export type ChatJob = Extract<RuntimeJob, { type: 'llm' }>;
/** What a model does; resolves with why it stopped. */
export type Script = (job: ChatJob, output: RuntimeOutput, signal: AbortSignal) => Promise<FinishReason> | FinishReason;

/** A runtime whose models do what the test says; `asked` holds every job as it reached the node. */
export type ScriptedRuntime = Runtime & { readonly asked: RuntimeJob[] };

const EXECUTION = pretendedExecution('scripted');

export function createScriptedRuntime(scripts: Record<string, Script>): ScriptedRuntime {
  const asked: RuntimeJob[] = [];
  return {
    asked,
    models: () => Object.keys(scripts).map((name) => pretendedModel(name)),
    onChange: () => undefined,
    run: async (job, output, signal) => {
      asked.push(job);
      const script = scripts[job.model];
      if (job.type !== 'llm' || script === undefined) throw new Error(`nothing is scripted for ${job.model}`);
      let outputTokens = 0;
      const counted: RuntimeOutput = {
        ...output,
        text: (text, tokens, more) => {
          outputTokens += tokens;
          output.text(text, tokens, more);
        },
      };
      const finishReason = await script(job, counted, signal);
      return { finishReason, usage: { inputTokens: 1, outputTokens }, execution: EXECUTION };
    },
    close: async () => undefined,
  };
}

/** The same, whose jobs tell how much of their prompts was known before. */
export function knowing<Known extends Runtime>(
  runtime: Known,
  told: { inputTokens: number; cachedTokens: number },
): Known {
  const run: Runtime['run'] = async (...asked) => {
    const result = await runtime.run(...asked);
    return { ...result, usage: { ...result.usage, ...told } };
  };
  return { ...runtime, run };
}

/** Never ends but by the signal. */
export function untilCancelled(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
