import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as it arrived, its attributes as plain values. */
export type CollectedSpan = {
  service: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Record<string, unknown>;
  status: { code?: number };
};

export type Collector = {
  readonly url: string;
  readonly spans: CollectedSpan[];
  readonly headers: IncomingHttpHeaders[];
  /** Every body as it came. */
  readonly bodies: string[];
  /** What exports are answered with; 200 unless set. */
  status: number;
  close(): Promise<void>;
};

type KeyValue = { key: string; value: Record<string, unknown> };
type Sent = Omit<CollectedSpan, 'attributes' | 'service'> & { attributes: KeyValue[] };
type Body = {
  resourceSpans: { resource: { attributes: KeyValue[] }; scopeSpans: { spans: Sent[] }[] }[];
};

/** A real HTTP server that takes OTLP exports in JSON. */
export async function startCollector(): Promise<Collector> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    collector.headers.push(request.headers);
    collector.bodies.push(text);
    if (request.url === '/v1/traces' && collector.status === 200) collector.spans.push(...spansOf(JSON.parse(text)));
    response.writeHead(request.url === '/v1/traces' ? collector.status : 404).end('{}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const collector: Collector = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: [],
    headers: [],
    bodies: [],
    status: 200,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close').catch(() => undefined);
    },
  };
  return collector;
}

function spansOf({ resourceSpans }: Body): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(plain(resource.attributes)['service.name']);
    return scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({ ...span, service, attributes: plain(span.attributes) })),
    );
  });
}

function plain(attributes: KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
