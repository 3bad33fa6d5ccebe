import type { TraceContext } from './trace-context.ts';

export type SpanKind = 'internal' | 'server' | 'client' | 'consumer';
/** Ids, names of models, counts and codes; never a part of an input or an answer, nor a secret. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** Something that took its time, told once it is over. */
export type Span = {
  readonly context: TraceContext;
  readonly parentSpanId: string | null;
  readonly name: string;
  readonly kind: SpanKind;
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: SpanAttributes;
  /** The code of the problem that it ended with. */
  readonly problem: string | null;
};

/** Takes finished spans; never throws and never waits. */
export type SpanSink = (span: Span) => void;
