import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { afterTest } from '../support/after-test.ts';
import { askChat, askVectors, streamChat } from '../support/ask-pool.ts';
import { freePort } from '../support/network/free-port.ts';
import { type Pool, startPool, startTestPool } from '../support/pool.ts';
import { submit } from '../support/queued-jobs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A relay that was stopped with its nats-server and started again: its node is still on its way back. */
async function startAnew(t: TestContext): Promise<Pool> {
  const place = { dataFolder: temporaryFolder(t), port: await freePort() };
  const before = await startPool(place);
  afterTest(t, before.close);
  await before.addNode();
  await before.relay.close();
  const pool = await startTestPool(t, place);
  assert.deepEqual(pool.relay.nodes(), [], 'it cannot be back yet');
  return pool;
}

test('whoever asks a relay that was just started anew is answered by the nodes that come back', async (t) => {
  const pool = await startAnew(t);
  const [chat, stream, embedded, service, job] = await Promise.all([
    askChat(pool, 'test/echo'),
    streamChat(pool, 'test/echo'),
    askVectors(pool, 'test/vectors', ['one']),
    pool.request('/v1/services/llm/inference', postOf({ messages: [{ role: 'user', content: 'no model is named' }] })),
    submit(pool, { model: null }),
  ]);
  assert.deepEqual([chat.status, chat.content], [200, 'say something'], chat.code);
  assert.deepEqual([stream.text, stream.end], ['say something', '[DONE]']);
  assert.equal(embedded.status, 200);
  assert.equal(service.status, 200, await service.text());
  assert.equal(job.model, 'test/breaking', 'the first by name of those that are served');
});

test('what no node has that comes back is refused when all are back', async (t) => {
  const pool = await startAnew(t);
  const missing = pool.request('/v1/models/test%2Fecho');
  const [chat, capability] = await Promise.all([
    askChat(pool, 'test/nobody'),
    pool.request('/v1/capability/ocr', postOf({ image: 'aGVsbG8=' })),
  ]);
  assert.deepEqual([(await missing).status, chat.code, capability.status], [503, 'no_capacity', 503]);
  assert.equal(pool.relay.nodes().length, 1);
  assert.equal((await askChat(pool, 'test/nobody')).code, 'model_not_found');
});

function postOf(body: object): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
