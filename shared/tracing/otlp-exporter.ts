import { otlpRequest, type Resource } from './otlp-json.ts';
import type { Span, SpanSink } from './span.ts';

export type OtlpTarget = {
  /** Base address of the collector, as `OTEL_EXPORTER_OTLP_ENDPOINT` gives it; `/v1/traces` is put behind it. */
  readonly endpoint: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
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
  const { endpoint, headers = {}, resource, fetch, log, everyMs = EVERY_MS } = options;
  const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`;
  let waiting: Span[] = [];
  let dropped = 0;
  let closed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let sending: Promise<void> | undefined;

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

/** Reads `OTEL_EXPORTER_OTLP_HEADERS`: `name=value` pairs between commas, percent-encoded. What is no pair is left out. */
export function parseOtlpHeaders(text: string): Record<string, string> {
  const pairs = text.split(',').map((pair) => /^\s*([!#$%&'*+.^_`|~\w-]+)\s*=\s*(.*?)\s*$/.exec(pair));
  return Object.fromEntries(pairs.flatMap((pair) => (pair === null ? [] : [[pair[1] ?? '', decoded(pair[2] ?? '')]])));
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
