import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOtlpExporter, parseOtlpHeaders } from '../../../shared/tracing/otlp-exporter.ts';
import { otlpRequest } from '../../../shared/tracing/otlp-json.ts';
import type { Span } from '../../../shared/tracing/span.ts';
import { startCollector } from '../../support/network/collector.ts';
import { until } from '../../support/until.ts';

const resource = { attributes: { 'service.name': 'a test' }, version: '0.0.0-test' };
const span = (name: string, more: Partial<Span> = {}): Span => ({
  context: { traceId: '1'.repeat(32), spanId: '2'.repeat(16), sampled: true },
  parentSpanId: null,
  name,
  kind: 'server',
  startMs: 1_790_000_000_000.5,
  endMs: 1_790_000_000_010,
  attributes: { text: 'a', whole: 3, part: 0.5, yes: true },
  problem: null,
  ...more,
});

function open(endpoint: string, headers?: Record<string, string>, everyMs = 1) {
  const warnings: Record<string, unknown>[] = [];
  const log = { warn: (fields: Record<string, unknown>) => void warnings.push(fields) };
  return { warnings, exporter: createOtlpExporter({ endpoint, headers, resource, fetch, log, everyMs }) };
}

test('sends spans as the protocol writes them', async (t) => {
  const collector = await startCollector();
  t.after(() => collector.close());
  const { exporter } = open(`${collector.url}/`, { authorization: 'Bearer x' }, 3_600_000);
  exporter.export(span('one'));
  exporter.export(span('two', { parentSpanId: '3'.repeat(16), problem: 'no_capacity', kind: 'internal' }));
  exporter.export(span('ended before it began, by a clock that was set back', { endMs: 5 }));
  await exporter.close();
  assert.equal(collector.headers[0]?.authorization, 'Bearer x');
  assert.equal(collector.headers[0]?.['content-type'], 'application/json');
  const [one, two, three] = collector.spans;
  assert.deepEqual(one, {
    service: 'a test',
    traceId: '1'.repeat(32),
    spanId: '2'.repeat(16),
    name: 'one',
    kind: 2,
    startTimeUnixNano: '1790000000000500000',
    endTimeUnixNano: '1790000000010000000',
    attributes: { text: 'a', whole: '3', part: 0.5, yes: true },
    status: {},
  });
  assert.deepEqual([two?.parentSpanId, two?.kind, two?.status.code], ['3'.repeat(16), 1, 2]);
  assert.equal(two?.attributes['error.type'], 'no_capacity');
  assert.equal(three?.endTimeUnixNano, three?.startTimeUnixNano);
});

test('the body of an export has the form of opentelemetry-proto, each value under the name of its kind', () => {
  const attributes = [
    { key: 'text', value: { stringValue: 'a' } },
    { key: 'whole', value: { intValue: '3' } },
    { key: 'part', value: { doubleValue: 0.5 } },
    { key: 'yes', value: { boolValue: true } },
    { key: 'error.type', value: { stringValue: 'no_capacity' } },
  ];
  const told = {
    traceId: '1'.repeat(32),
    spanId: '2'.repeat(16),
    name: 'one',
    kind: 2,
    startTimeUnixNano: '1790000000000500000',
    endTimeUnixNano: '1790000000010000000',
    attributes,
    status: { code: 2 },
  };
  const service = { attributes: [{ key: 'service.name', value: { stringValue: 'a test' } }] };
  const scope = { name: 'sparewatt', version: '0.0.0-test' };
  assert.deepEqual(otlpRequest([span('one', { problem: 'no_capacity' })], resource), {
    resourceSpans: [{ resource: service, scopeSpans: [{ scope, spans: [told] }] }],
  });
});

test('goes on after a collector that refuses or is gone, and says how many were lost', async (t) => {
  const collector = await startCollector();
  t.after(() => collector.close());
  const { exporter, warnings } = open(collector.url);
  collector.status = 503;
  exporter.export(span('lost'));
  await until(() => warnings.length === 1);
  assert.equal(warnings[0]?.spans, 1);
  collector.status = 200;
  exporter.export(span('kept'));
  await until(() => collector.spans.length === 1);
  await exporter.close();
  exporter.export(span('late'));
  const gone = open('http://127.0.0.1:1');
  gone.exporter.export(span('lost'));
  await gone.exporter.close();
  assert.equal(gone.warnings.length, 1);
  assert.deepEqual(
    collector.spans.map(({ name }) => name),
    ['kept'],
  );
});

test('holds a bounded number of spans, and drops what comes beyond', async (t) => {
  const collector = await startCollector();
  t.after(() => collector.close());
  const { exporter, warnings } = open(collector.url);
  for (let count = 0; count < 5_000; count += 1) exporter.export(span(`${count}`));
  await exporter.close();
  assert.equal(collector.spans.length, 4_096);
  assert.equal(warnings[0]?.spans, 5_000 - 4_096);
});

test('reads headers as the variable of the standard has them', () => {
  const { headers, leftOut } = parseOtlpHeaders(
    'authorization=Bearer%20x, x-a = b ,nonsense,,c=%zz,d=a%0Ab,é=1,f=%C4%80',
  );
  assert.deepEqual(headers, { authorization: 'Bearer x', 'x-a': 'b', c: '%zz' });
  assert.deepEqual(leftOut, [3, 6, 7, 8]);
  assert.deepEqual(parseOtlpHeaders('a=b=c,').leftOut, [], 'nothing at all is not left out');
});

test('says at the start which headers it left out, and nothing of what they hold', async (t) => {
  const collector = await startCollector();
  t.after(() => collector.close());
  const said: string[] = [];
  const log = { warn: (...what: unknown[]) => void said.push(JSON.stringify(what)) };
  const open = (text: string) =>
    createOtlpExporter({ endpoint: collector.url, ...parseOtlpHeaders(text), resource, fetch, log, everyMs: 1 });
  const exporter = open('x-a=b,Bearer secret-1,authorization=secret-2%0A');
  assert.equal(said.length, 1);
  assert.match(said[0] ?? '', /otlp_headers.*no name=value pair.*parts 2, 3/);
  exporter.export(span('one'));
  await exporter.close();
  assert.equal(collector.headers[0]?.['x-a'], 'b');
  assert.doesNotMatch(said.join(), /secret|Bearer|authorization/);
  await open('x-a=b').close();
  assert.equal(said.length, 1);
});
