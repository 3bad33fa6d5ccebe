import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runSparewatt } from '../support/command.ts';
import { startCollector } from '../support/network/collector.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('relay and node of one machine tell their own spans to the collector that the environment names', async (t) => {
  const collector = await startCollector();
  t.after(() => collector.close());
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=a%20b,Bearer secret',
  };
  const data = temporaryFolder(t);
  const args = ['start', '--once', '--port', '0', '--data', data];
  const { code, stderr } = await runSparewatt(args, { env });
  assert.equal(code, 0, stderr);
  const run = collector.spans.find(({ name }) => name.startsWith('run ')) ?? assert.fail('the node told no span');
  assert.equal(run.service, 'sparewatt-node');
  const attempt = collector.spans.find(({ spanId }) => spanId === run.parentSpanId);
  assert.deepEqual([attempt?.service, attempt?.traceId], ['sparewatt-relay', run.traceId]);
  assert.ok(collector.headers.every((headers) => headers['x-tenant'] === 'a b'));
  const logs = ['relay.log', 'node.log'].map((name) => readFileSync(join(data, 'logs', name), 'utf8'));
  for (const told of [stderr, ...logs]) {
    assert.match(told, /otlp_headers .*left out: part 2/, 'what is no header is told at the start');
    assert.doesNotMatch(told, /secret/);
  }
  assert.ok(!collector.bodies.join().includes('Count from'));
});
