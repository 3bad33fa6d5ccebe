/** A relay is killed in each state of a batch. Every line of its input is in one of its files, once, all the same. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import OpenAI from 'openai';
import type { BatchRecord } from '../../relay/store/batch-store.ts';
import { DATABASE_FILE, openStore } from '../../relay/store/open-store.ts';
import { afterTest } from '../support/after-test.ts';
import { batchOnce, chatLine, endOfBatch, idsOf, makeBatch, rowsOf, slowLines } from '../support/batches.ts';
import { sparewatt } from '../support/command.ts';
import { freePort } from '../support/network/free-port.ts';
import { startTellingNode } from '../support/nodes/telling-node-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A relay in a process of its own with a node in another, which outlives it. */
async function startPair(t: TestContext) {
  const port = String(await freePort());
  const folder = temporaryFolder(t);
  const place = ['--host', '127.0.0.1', '--port', port, '--no-announce', '--data', folder];
  const start = () => sparewatt(['relay', ...place, '--ready-json', '--log-level', 'silent']);
  let relay = start();
  const ready = JSON.parse(await relay.firstLine()) as { url: string; apiKey: string };
  afterTest(t, async () => {
    relay.child.kill('SIGTERM');
    await relay.exit;
  });
  const node = await startTellingNode({ relayUrl: ready.url, slots: 8 });
  afterTest(t, node.kill);
  /** Resolves with what is on the disk then of a batch. */
  const kill = async (id: string): Promise<BatchRecord & { open: number }> => {
    relay.child.kill('SIGKILL');
    await relay.exit;
    const { batches, close } = await openStore({ file: join(folder, 'relay', DATABASE_FILE), readOnly: true });
    const record = (await batches.findBatch(id)) ?? assert.fail();
    const { open } = await batches.countLines(id);
    await close();
    return { ...record, open };
  };
  const restart = async (): Promise<void> => {
    relay = start();
    await relay.firstLine();
  };
  const client = new OpenAI({ baseURL: `${ready.url}/v1`, apiKey: ready.apiKey });
  /** How many jobs there ever were. */
  const countJobs = async (): Promise<number> => {
    const { data } = (await client.get('/jobs?limit=1000')) as { data: unknown[] };
    return data.length;
  };
  return { client, node, kill, restart, countJobs };
}

const namesOf = (count: number): string[] => Array.from({ length: count }, (_, at) => `line ${at}`).sort();

test('killed while the input is checked, a relay checks it again and asks each line once', async (t) => {
  const { client, node, kill, restart } = await startPair(t);
  // Many small ones, which are written down, and some that take their time to be read.
  const pad = 'x'.repeat(4_000_000);
  const lines = [
    ...Array.from({ length: 700 }, (_, at) => chatLine(`line ${at}`, 'x', { model: 'test/noop' })),
    ...Array.from({ length: 20 }, (_, at) => chatLine(`line ${700 + at}`, 'x', { model: 'test/none', pad })),
  ];
  const { id } = await makeBatch(client, lines);
  const left = await kill(id);
  assert.equal(left.state, 'validating');
  await restart();
  const batch = await endOfBatch(client, id);
  assert.deepEqual([batch.status, batch.request_counts?.total], ['completed', 720], JSON.stringify(batch));
  const { done, not } = await rowsOf(client, batch);
  assert.deepEqual([...idsOf(done), ...idsOf(not)].sort(), namesOf(720));
  assert.equal(done.length, 700);
  assert.equal(node.starts.all.length, 700);
});

test('killed again and again while lines are answered, a relay goes on with those that are left', async (t) => {
  const { client, kill, restart, countJobs } = await startPair(t);
  const { id } = await makeBatch(client, slowLines(120));
  for (const answered of [4, 40, 80]) {
    await batchOnce(client, id, ({ request_counts: counts }) => (counts?.completed ?? 0) > answered);
    const { state, open } = await kill(id);
    assert.equal(state, 'in_progress');
    assert.ok(open > 0 && open < 120);
    await restart();
  }
  const batch = await endOfBatch(client, id);
  assert.deepEqual([batch.status, batch.request_counts], ['completed', { total: 120, completed: 120, failed: 0 }]);
  const { done } = await rowsOf(client, batch);
  assert.deepEqual(idsOf(done).sort(), namesOf(120));
  assert.equal(await countJobs(), 120);
});

test('killed while the answers are written, a relay writes each of them once', async (t) => {
  const { client, kill, restart } = await startPair(t);
  const long = `${'x'.repeat(100)} `.repeat(4_000);
  const lines = Array.from({ length: 60 }, (_, at) => chatLine(`line ${at}`, at % 2 === 0 ? long : 'x'));
  const odd = chatLine('line 60', 'x', { model: 'test/none' });
  // Another one where it was over too soon to be seen.
  for (let tries = 0; ; tries++) {
    const { id } = await makeBatch(client, [...lines, odd]);
    await batchOnce(client, id, ({ status }) => status === 'finalizing' || status === 'completed');
    const { state } = await kill(id);
    await restart();
    if (state !== 'finalizing' && tries < 9) continue;
    assert.equal(state, 'finalizing');
    const batch = await endOfBatch(client, id);
    const { done, not } = await rowsOf(client, batch);
    assert.deepEqual([batch.status, idsOf(not)], ['completed', ['line 60']]);
    assert.deepEqual(
      idsOf(done),
      Array.from({ length: 60 }, (_, at) => `line ${at}`),
    );
    return;
  }
});

test('killed while it is cancelled, a relay asks no further line', async (t) => {
  const { client, node, kill, restart } = await startPair(t);
  const { id } = await makeBatch(client, slowLines(60));
  await batchOnce(client, id, ({ request_counts: counts }) => (counts?.completed ?? 0) > 4);
  assert.equal((await client.batches.cancel(id)).status, 'cancelling');
  const left = await kill(id);
  assert.ok(left.cancellingAt !== null);
  const begun = node.starts.all.length;
  await restart();
  const batch = await endOfBatch(client, id);
  assert.equal(batch.status, 'cancelled');
  const { done, not } = await rowsOf(client, batch);
  assert.ok(done.length > 4 && not.length > 0);
  assert.deepEqual([...idsOf(done), ...idsOf(not)].sort(), namesOf(60));
  assert.equal(node.starts.all.length, begun);
});
