import type { Execution, FinishReason } from '../../shared/protocol/messages.ts';
import type { Runtime, RuntimeJob, RuntimeOutput } from '../../shared/runtimes/runtime.ts';

export type ChatJob = Extract<RuntimeJob, { type: 'llm' }>;
/** What a model does; resolves with why it stopped. */
export type Script = (job: ChatJob, output: RuntimeOutput, signal: AbortSignal) => Promise<FinishReason> | FinishReason;

/** A runtime whose models do what the test says; `asked` holds every job as it reached the node. */
export type ScriptedRuntime = Runtime & { readonly asked: RuntimeJob[] };

const EXECUTION: Execution = { runtime: 'scripted', device: 'none', dtype: 'none', revision: '1', digest: null };

export function createScriptedRuntime(scripts: Record<string, Script>): ScriptedRuntime {
  const asked: RuntimeJob[] = [];
  return {
    asked,
    models: () =>
      Object.keys(scripts).map((name) => ({
        name,
        type: 'llm',
        state: 'warm',
        revision: '1',
        dtype: 'none',
        device: 'none',
        size_bytes: 0,
        context_length: 4_096,
      })),
    onChange: () => undefined,
    run: async (job, output, signal) => {
      asked.push(job);
      const script = scripts[job.model];
      if (job.type !== 'llm' || script === undefined) throw new Error(`nothing is scripted for ${job.model}`);
      let outputTokens = 0;
      const counted: RuntimeOutput = {
        ...output,
        text: (text, tokens) => {
          outputTokens += tokens;
          output.text(text, tokens);
        },
      };
      const finishReason = await script(job, counted, signal);
      return { finishReason, usage: { inputTokens: 1, outputTokens }, execution: EXECUTION };
    },
    close: async () => undefined,
  };
}

/** Never ends but by the signal. */
export function untilCancelled(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
