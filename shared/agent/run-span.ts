import type { JobRequest } from '../protocol/messages.ts';
import type { SpanSink } from '../tracing/span.ts';
import { type FillRandom, newSpanId, type TraceContext } from '../tracing/trace-context.ts';

/** What a node needs to tell how long its runs took. */
export type RunSpans = { readonly export: SpanSink; readonly random: FillRandom };

/** Tells the span of a run under its attempt's, where there is a trace and its client wants that kept. */
export function tellRun(
  request: JobRequest,
  attempt: TraceContext | undefined,
  run: { startMs: number; endMs: number; problem: string | null },
  { export: tell, random }: RunSpans,
): void {
  if (attempt?.sampled !== true) return;
  tell({
    ...run,
    context: { ...attempt, spanId: newSpanId(random) },
    parentSpanId: attempt.spanId,
    name: `run ${request.model}`,
    kind: 'consumer',
    attributes: {
      'sparewatt.job.id': request.job,
      'sparewatt.job.type': request.type,
      'sparewatt.attempt': request.attempt,
      'gen_ai.request.model': request.model,
    },
  });
}
