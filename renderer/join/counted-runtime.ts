import { measureRuntime } from '../../shared/agent/measured-runtime.ts';
import type { Runtime } from '../../shared/runtimes/runtime.ts';
import type { ShownWork } from './node-messages.ts';

export type CountedRuntime = Runtime & { work(): Omit<ShownWork, 'credits'> };

/** The same runtime, which also counts what it has done. A job that was cut short is none. */
export function countWork(inner: Runtime, now: () => number): CountedRuntime {
  const runtime = measureRuntime(inner, now);
  let jobs = 0;
  let tokens = 0;
  let running = 0;
  return {
    ...runtime,
    async run(job, output, signal) {
      running += 1;
      try {
        const result = await runtime.run(
          job,
          {
            vectors: (start, count, dimensions, values) => output.vectors(start, count, dimensions, values),
            toolCall: (piece) => {
              tokens += piece.tokens;
              output.toolCall(piece);
            },
            text: (text, count, more) => {
              tokens += count;
              output.text(text, count, more);
            },
          },
          signal,
        );
        jobs += 1;
        return result;
      } finally {
        running -= 1;
      }
    },
    work: () => ({ jobs, tokens, running, tokensPerS: fastest(runtime) }),
  };
}

function fastest(runtime: Runtime): number | null {
  const speeds = runtime
    .models()
    .flatMap(({ type, measured }) => (type === 'llm' ? [measured?.tokens_per_s ?? 0] : []));
  const most = Math.max(0, ...speeds);
  return most === 0 ? null : most;
}

/** Of a node that was, and of the one that came after it. */
export function addWork(before: ShownWork, work: ShownWork): ShownWork {
  return {
    jobs: before.jobs + work.jobs,
    tokens: before.tokens + work.tokens,
    running: work.running,
    tokensPerS: work.tokensPerS ?? before.tokensPerS,
    credits: before.credits === null ? work.credits : before.credits + (work.credits ?? 0),
  };
}
