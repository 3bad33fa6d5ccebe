import type { Span, SpanAttributes, SpanKind } from './span.ts';

/** Who tells the spans: `service.name` and its like. */
export type Resource = { readonly attributes: SpanAttributes; readonly version: string };

const KINDS: Record<SpanKind, number> = { internal: 1, server: 2, client: 3, consumer: 5 };
const STATUS_ERROR = 2;

/** The body of an OTLP/HTTP export in JSON (opentelemetry-proto, `ExportTraceServiceRequest`). */
export function otlpRequest(spans: readonly Span[], { attributes, version }: Resource): object {
  return {
    resourceSpans: [
      {
        resource: { attributes: keyValues(attributes) },
        scopeSpans: [{ scope: { name: 'sparewatt', version }, spans: spans.map(spanJson) }],
      },
    ],
  };
}

function spanJson({ context, parentSpanId, name, kind, startMs, endMs, attributes, problem }: Span): object {
  const told = problem === null ? attributes : { ...attributes, 'error.type': problem };
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    ...(parentSpanId === null ? {} : { parentSpanId }),
    name,
    kind: KINDS[kind],
    startTimeUnixNano: nanoseconds(startMs),
    endTimeUnixNano: nanoseconds(Math.max(startMs, endMs)),
    attributes: keyValues(told),
    status: problem === null ? {} : { code: STATUS_ERROR },
  };
}

/** Whole microseconds: a number holds no nanoseconds since 1970. */
function nanoseconds(ms: number): string {
  return `${Math.round(ms * 1_000)}000`;
}

function keyValues(attributes: SpanAttributes): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: string | number | boolean): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: `${value}` } : { doubleValue: value };
}
