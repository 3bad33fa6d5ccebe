import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCollector } from '../support/collector.ts';
import { runSparewatt } from '../support/command.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('relay and node of one machine tell their own spans to the collector that the environment names', async (t) => {
  const collector = await startCollector();
  t.after(() => collector.close());
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=a%20b' };
  const args = ['start', '--once', '--port', '0', '--data', temporaryFolder(t)];
  const { code, stderr } = await runSparewatt(args, { env });
  assert.equal(code, 0, stderr);
  const run = collector.spans.find(({ name }) => name.startsWith('run ')) ?? assert.fail('the node told no span');
  assert.equal(run.service, 'sparewatt-node');
  const attempt = collector.spans.find(({ spanId }) => spanId === run.parentSpanId);
  assert.deepEqual([attempt?.service, attempt?.traceId], ['sparewatt-relay', run.traceId]);
  assert.ok(collector.headers.every((headers) => headers['x-tenant'] === 'a b'));
  assert.ok(!collector.bodies.join().includes('Count from'));
});
