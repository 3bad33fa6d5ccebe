import { otlpRequest, type Resource } from './otlp-json.ts';
import type { Span, SpanSink } from './span.ts';

export type OtlpTarget = {
  /** Base address of the collector, as `OTEL_EXPORTER_OTLP_ENDPOINT` gives it; `/v1/traces` is put behind it. */
  readonly endpoint: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Which parts of what was given as headers are none, counted from 1; it is told at the start. */
  readonly leftOut?: readonly number[] | undefined;
};

export type OtlpExporterOptions = OtlpTarget & {
  readonly resource: Resource;
  readonly fetch: typeof globalThis.fetch;
  readonly log: { warn(fields: Record<string, unknown>, message: string): void };
  /** How long spans are gathered; a second unless given. */
  readonly everyMs?: number;
};

export type OtlpExporter = {
  readonly export: SpanSink;
  /** Sends what is there, and takes no more. Never rejects. */
  close(): Promise<void>;
};

const EVERY_MS = 1_000;
const BATCH = 512;
/** Some megabytes; a collector that is away for longer costs spans, never memory. */
const MOST_WAITING = 4_096;
const TIMEOUT_MS = 5_000;
/** A program that ends does not wait longer for its collector. */
const FAREWELL_MS = 1_000;

/**
 * Sends spans to a collector as OTLP over HTTP with JSON.
 *
 * Invariants: (1) at most one request is under way; (2) at most `MOST_WAITING` spans wait, what comes beyond is dropped
 * and counted; (3) a batch that was refused is not sent again; what was lost is logged as a number, once per failure.
 */
export function createOtlpExporter(options: OtlpExporterOptions): OtlpExporter {
  const { endpoint, headers = {}, leftOut = [], resource, fetch, log, everyMs = EVERY_MS } = options;
  const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`;
  let waiting: Span[] = [];
  let dropped = 0;
  let closed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let sending: Promise<void> | undefined;
  // Never what they hold: it is a secret, or a part of one.
  if (leftOut.length > 0) log.warn({ parts: leftOut }, leftOutSentence(leftOut));

  const send = async (timeoutMs: number): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH);
      waiting = waiting.slice(BATCH);
      const lost = dropped;
      dropped = 0;
      try {
        if (lost > 0) log.warn({ spans: lost }, 'spans were dropped: the collector of traces is too slow');
        await post(batch, timeoutMs);
      } catch (error) {
        log.warn({ spans: batch.length, err: error }, 'the collector of traces did not take spans');
      }
    }
  };
  const post = async (batch: readonly Span[], timeoutMs: number): Promise<void> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(otlpRequest(batch, resource)),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`the collector answered with status ${response.status}`);
  };
  const flush = (timeoutMs = TIMEOUT_MS): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    sending ??= send(timeoutMs).finally(() => {
      sending = undefined;
      if (waiting.length > 0 && !closed) schedule();
    });
    return sending;
  };
  const schedule = (): void => {
    timer ??= setTimeout(() => void flush(), everyMs);
  };

  return {
    export: (span) => {
      if (closed) return;
      if (waiting.length >= MOST_WAITING) {
        dropped += 1;
        return;
      }
      waiting.push(span);
      if (sending === undefined) schedule();
    },
    close: async () => {
      closed = true;
      const late = Promise.withResolvers<void>();
      const farewell = setTimeout(late.resolve, FAREWELL_MS);
      await Promise.race([flush(FAREWELL_MS), late.promise]);
      clearTimeout(farewell);
    },
  };
}

/** Visible ASCII, spaces and Latin-1: `fetch` throws at anything else, with the value in its message. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Reads `OTEL_EXPORTER_OTLP_HEADERS`: `name=value` pairs between commas, percent-encoded. What is no pair, or no header, is
 * left out, and its place told.
 */
export function parseOtlpHeaders(text: string): Required<Pick<OtlpTarget, 'headers' | 'leftOut'>> {
  const headers: Record<string, string> = {};
  const leftOut: number[] = [];
  for (const [index, part] of text.split(',').entries()) {
    const [, name, encoded = ''] = /^\s*([!#$%&'*+.^_`|~\w-]+)\s*=\s*(.*?)\s*$/.exec(part) ?? [];
    const value = decoded(encoded);
    if (name !== undefined && HEADER_VALUE.test(value)) headers[name] = value;
    else if (part.trim() !== '') leftOut.push(index + 1);
  }
  return { headers, leftOut };
}

/** What whoever starts a program is told of them, without a full stop. */
export function leftOutSentence(places: readonly number[]): string {
  const parts = `part${places.length === 1 ? '' : 's'} ${places.join(', ')}`;
  return `otlp_headers (OTEL_EXPORTER_OTLP_HEADERS) has what is no name=value pair that a header can hold, and it is left out: ${parts}. Correct it and start again`;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
