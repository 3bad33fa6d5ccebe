import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Runtime } from '../../../shared/runtimes/runtime.ts';
import { pretendedExecution, pretendedModel } from '../models/pretended-model.ts';

const EXECUTION = pretendedExecution('paced');
/** So many tokens in one turn of the event loop where there is no pause between them. */
const AT_A_TIME = 64;

/** A runtime whose models say `max_tokens` words at their pace, which is in their names: `paced/20` takes 20 ms for each. */
export function createPacedRuntime(pacesMs: readonly number[]): Runtime {
  return {
    models: () => pacesMs.map((ms) => pretendedModel(`paced/${ms}`)),
    onChange: () => undefined,
    run: async (job, output, signal) => {
      if (job.type !== 'llm') throw new Error('a paced model takes nothing but chats');
      const paceMs = Number(job.model.split('/')[1]);
      const count = job.input.maxTokens ?? 1;
      for (let token = 0; token < count; token++) {
        if (paceMs > 0) await wait(paceMs, signal);
        else if (token % AT_A_TIME === 0) await nextTurn();
        signal.throwIfAborted();
        output.text('word ', 1);
      }
      return { finishReason: 'stop', usage: { inputTokens: 1, outputTokens: count }, execution: EXECUTION };
    },
    close: async () => undefined,
  };
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', cancel);
      resolve();
    }, ms);
    if (signal.aborted) cancel();
    else signal.addEventListener('abort', cancel, { once: true });
  });
}
