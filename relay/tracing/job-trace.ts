import type { Usage } from '../../shared/protocol/messages.ts';
import type { Span, SpanAttributes } from '../../shared/tracing/span.ts';
import {
  type FillRandom,
  formatTraceparent,
  newSpanId,
  type TraceContext,
} from '../../shared/tracing/trace-context.ts';
import type { AttemptRecord, JobRecord } from '../store/store.ts';

/** What a job takes along of its request's trace. */
export type JobTrace = {
  /** What the node of an attempt is sent. */
  traceparentOf(attempt: number): string;
  /** Tells the spans of a run that has ended: for each attempt how long the job waited for it, and itself. */
  ended(job: JobRecord, attemptsBefore: number): void;
};

export type JobTracePorts = { export: (span: Span) => void; random: FillRandom };

export function traceJob(request: TraceContext, { export: tell, random }: JobTracePorts): JobTrace {
  const spanIds = new Map<number, string>();
  const childOf = (spanId: string): TraceContext => ({ ...request, spanId });
  const spanIdOf = (attempt: number): string => {
    const known = spanIds.get(attempt) ?? newSpanId(random);
    spanIds.set(attempt, known);
    return known;
  };
  const waited = (job: JobRecord, startMs: number, endMs: number, problem: string | null): void => {
    const context = childOf(newSpanId(random));
    const attributes = { 'sparewatt.job.id': job.id };
    tell({
      context,
      parentSpanId: request.spanId,
      name: 'queue wait',
      kind: 'internal',
      startMs,
      endMs,
      attributes,
      problem,
    });
  };
  return {
    traceparentOf: (attempt) => formatTraceparent(childOf(spanIdOf(attempt))),
    ended: (job, attemptsBefore) => {
      const attempts = job.attempts.slice(attemptsBefore);
      if (attempts.length === 0) waited(job, job.createdAt, job.finishedAt, job.problem?.code ?? null);
      for (const attempt of attempts) {
        const startMs = attempt.startedAt ?? attempt.queuedAt;
        waited(job, attempt.queuedAt, startMs, null);
        tell({
          context: childOf(spanIdOf(attempt.attempt)),
          parentSpanId: request.spanId,
          name: `attempt ${job.model}`,
          kind: 'client',
          startMs,
          endMs: attempt.finishedAt,
          attributes: attributesOf(job, attempt),
          problem: attempt.problem?.code ?? null,
        });
      }
    },
  };
}

function attributesOf(job: JobRecord, attempt: AttemptRecord): SpanAttributes {
  const tokens = attempt.state === 'succeeded' ? job.usage : null;
  const firstMs = attempt.firstTokenAt === null ? null : attempt.firstTokenAt - (attempt.startedAt ?? attempt.queuedAt);
  return {
    'sparewatt.job.id': job.id,
    'sparewatt.job.type': job.type,
    'sparewatt.attempt': attempt.attempt,
    'sparewatt.node.id': attempt.nodeId,
    'gen_ai.request.model': job.model,
    ...(firstMs === null ? {} : { 'sparewatt.first_output_ms': firstMs }),
    ...(tokens === null ? {} : tokenAttributes(tokens)),
  };
}

function tokenAttributes({ inputTokens, outputTokens, cachedTokens = 0 }: Usage): SpanAttributes {
  return {
    'gen_ai.usage.input_tokens': inputTokens,
    'gen_ai.usage.output_tokens': outputTokens,
    ...(cachedTokens > 0 && { 'gen_ai.usage.cache_read.input_tokens': cachedTokens }),
  };
}
