import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Readiness } from '../../shared/api/health.ts';
import { sparewatt } from '../support/command.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

test('a relay that is told to end says so to its probes first, and serves clients meanwhile', async (t) => {
  const relay = sparewatt(['relay', '--port', '0', '--data', temporaryFolder(t), '--drain-s', '600', '--ready-json']);
  const { url, apiKey } = JSON.parse(await relay.firstLine()) as { url: string; apiKey: string };
  const probe = (name: string): Promise<Response> => fetch(`${url}/v1/health/${name}`);
  assert.deepEqual([(await probe('live')).status, (await probe('ready')).status], [200, 200]);

  relay.child.kill('SIGTERM');
  await until(async () => (await probe('ready')).status === 503);
  const { phase, reasons } = (await (await probe('ready')).json()) as Readiness;
  assert.equal(phase, 'draining');
  assert.match(reasons.join(), /shutting down/);
  assert.equal((await probe('live')).status, 200);
  const models = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${apiKey}` } });
  assert.equal(models.status, 200);

  // What comes right after the first is taken for the same one.
  await until(() => !relay.child.kill('SIGTERM') || relay.child.exitCode !== null);
  assert.equal(await relay.exit, 130, 'a second signal ends it at once');
});

test('a relay that was given a second to drain ends by itself, with 0', async (t) => {
  const relay = sparewatt(['relay', '--port', '0', '--data', temporaryFolder(t), '--drain-s', '1', '--ready-json']);
  await relay.firstLine();
  relay.child.kill('SIGTERM');
  assert.equal(await relay.exit, 0);
  assert.match(relay.stderr(), /not ready any more/);
});
