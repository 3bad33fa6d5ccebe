import type { JobRequest } from '../protocol/messages.ts';
import type { SpanSink } from '../tracing/span.ts';
import { type FillRandom, newSpanId, parseTraceparent } from '../tracing/trace-context.ts';

/** What a node needs to tell how long its runs took. */
export type RunSpans = { readonly export: SpanSink; readonly random: FillRandom };

/** Tells the span of a run under the trace that its request carries, if its client wants that kept. */
export function tellRun(
  request: JobRequest,
  run: { startMs: number; endMs: number; problem: string | null },
  { export: tell, random }: RunSpans,
): void {
  const parent = request.traceparent === undefined ? undefined : parseTraceparent(request.traceparent);
  if (parent?.sampled !== true) return;
  tell({
    ...run,
    context: { ...parent, spanId: newSpanId(random) },
    parentSpanId: parent.spanId,
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
