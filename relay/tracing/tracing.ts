import type { FastifyRequest } from 'fastify';
import type { Span, SpanSink } from '../../shared/tracing/span.ts';
import {
  type FillRandom,
  newSpanId,
  newTraceId,
  parseTraceparent,
  type TraceContext,
} from '../../shared/tracing/trace-context.ts';
import { type JobTrace, traceJob } from './job-trace.ts';

/** Where a request stands in its trace. */
export type RequestTrace = { readonly context: TraceContext; readonly parentSpanId: string | null };

/** Follows requests to their nodes. There is none while no collector is named. */
export type Tracing = {
  /** Goes on with the trace of a client's `traceparent`, or begins one. */
  begin(request: FastifyRequest): RequestTrace;
  /** What a job of the request takes along; undefined for a request that is not traced. */
  jobOf(request: FastifyRequest): JobTrace | undefined;
  readonly export: SpanSink;
};

export type TracingOptions = { export: SpanSink; random: FillRandom };

export function createTracing({ export: tell, random }: TracingOptions): Tracing {
  const traces = new WeakMap<FastifyRequest, RequestTrace>();
  const exportSampled = (span: Span): void => {
    if (span.context.sampled) tell(span);
  };
  return {
    begin: (request) => {
      const { traceparent } = request.headers;
      const parent = typeof traceparent === 'string' ? parseTraceparent(traceparent) : undefined;
      const { traceId, sampled } = parent ?? { traceId: newTraceId(random), sampled: true };
      const context = { traceId, spanId: newSpanId(random), sampled };
      const trace = { context, parentSpanId: parent?.spanId ?? null };
      traces.set(request, trace);
      return trace;
    },
    jobOf: (request) => {
      const trace = traces.get(request);
      return trace && traceJob(trace.context, { export: exportSampled, random });
    },
    export: exportSampled,
  };
}
