/** How batches end that do not just run through: each line of the input is in one of the files, once. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type OpenAI from 'openai';
import type { OwnedBatchPage } from '../../../shared/api/batches.ts';
import type { ApiKey, CreatedKey } from '../../../shared/api/keys.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { afterTest } from '../../support/after-test.ts';
import { batchOnce, bodyOf, chatLine, endOfBatch, idsOf, lineOf, makeBatch } from '../../support/batches.ts';
import {
  addHeldNode,
  codesOf,
  finish,
  finishAll,
  held,
  heldRuntime,
  jobsOf,
  names,
  queueLength,
  wholeEnd,
} from '../../support/held-batches.ts';
import { createInbox } from '../../support/inbox.ts';
import { startTestPool } from '../../support/pool.ts';
import { askAsAdmin } from '../../support/pool-admin.ts';
import type { ControlledRun } from '../../support/runtimes/controlled-runtime.ts';
import { until } from '../../support/until.ts';

test('a batch is cancelled: what is answered stays, what runs is ended, what waits is never asked', async (t) => {
  const pool = await startTestPool(t, { batchLimits: { mostInQueuePerKey: 4 } });
  const runtime = await addHeldNode(pool);
  const client = pool.client();
  const made = await makeBatch(client, held(10));
  const answered = finish(await runtime.runs.next());
  await batchOnce(client, made.id, ({ request_counts: counts }) => counts?.completed === 1);
  const running = [await runtime.runs.next(), await runtime.runs.next()];
  assert.equal((await client.batches.cancel(made.id)).status, 'cancelling');
  const { batch, done, not } = await wholeEnd(client, made);
  assert.deepEqual([batch.status, batch.request_counts], ['cancelled', { total: 10, completed: 1, failed: 9 }]);
  assert.ok(batch.cancelling_at && batch.cancelled_at && batch.completed_at === null);
  assert.deepEqual([idsOf(done), idsOf(not)], [[answered], names(0, 10).filter((name) => name !== answered)]);
  assert.deepEqual(new Set(codesOf(not)), new Set(['batch_cancelled']));
  await until(() => running.every(({ signal }) => signal.aborted));
  assert.equal(runtime.runs.all.length, 3);
  assert.deepEqual(await client.batches.cancel(made.id), batch);
});

test('a batch is cancelled while its input is still checked, and has no files then', async (t) => {
  const pool = await startTestPool(t);
  const client = pool.client();
  const pad = 'x'.repeat(4_000_000);
  const made = await makeBatch(
    client,
    Array.from({ length: 20 }, (_, at) => chatLine(`${at}`, pad)),
  );
  await client.batches.cancel(made.id);
  const batch = await endOfBatch(client, made.id);
  assert.deepEqual([batch.status, batch.in_progress_at], ['cancelled', null]);
  assert.deepEqual([batch.output_file_id, batch.error_file_id], [null, null]);
});

test('a batch that waits for another of its key is cancelled at once', async (t) => {
  const pool = await startTestPool(t, { batchLimits: { mostInQueuePerKey: 2 } });
  const client = pool.client();
  const first = await makeBatch(client, held(5));
  const second = await makeBatch(client, held(3));
  await batchOnce(client, second.id, ({ status }) => status === 'in_progress');
  await client.batches.cancel(second.id);
  const { batch, not } = await wholeEnd(client, second);
  assert.deepEqual([batch.status, idsOf(not)], ['cancelled', names(0, 3)]);
  assert.equal((await client.batches.retrieve(first.id)).status, 'in_progress');
  finishAll(await addHeldNode(pool));
  assert.equal((await wholeEnd(client, first)).batch.request_counts?.completed, 5);
});

test('when its time is over, what is not answered expires, whether it runs, waits or was never asked', async (t) => {
  const pool = await startTestPool(t, { batchLimits: { mostInQueuePerKey: 4, lifetimeMs: 1_500 } });
  const runtime = await addHeldNode(pool);
  const client = pool.client();
  const made = await makeBatch(client, held(8));
  const answered = finish(await runtime.runs.next());
  const { batch, done, not } = await wholeEnd(client, made);
  assert.equal(batch.status, 'expired');
  assert.ok(batch.expired_at && batch.expires_at && batch.expired_at >= batch.expires_at);
  assert.deepEqual([idsOf(done), idsOf(not)], [[answered], names(0, 8).filter((name) => name !== answered)]);
  assert.deepEqual(new Set(codesOf(not)), new Set(['batch_expired']));
});

test('a line that gives up by itself makes no batch expire', async (t) => {
  const pool = await startTestPool(t);
  const client = pool.client();
  const impatient = { model: 'test/held', messages: [{ role: 'user', content: 'x' }], routing: { max_wait_ms: 1 } };
  const { batch, not } = await wholeEnd(client, await makeBatch(client, [lineOf('a', impatient)]));
  assert.deepEqual([batch.status, codesOf(not)], ['completed', ['job_expired']]);
  assert.equal(not[0]?.response?.status_code, 408);
});

test('a key that is revoked ends its batches with its jobs, and no line of them is asked any more', async (t) => {
  const pool = await startTestPool(t, { batchLimits: { mostInQueuePerKey: 3 } });
  const runtime = await addHeldNode(pool);
  const { id, key } = (await askAsAdmin<CreatedKey>(pool, '/v1/admin/keys', { name: 'short' })).body;
  const client = pool.client({ apiKey: key });
  const fed = await makeBatch(client, held(2));
  await batchOnce(client, fed.id, ({ status }) => status === 'in_progress');
  await makeBatch(client, held(9));
  await runtime.runs.next();
  await runtime.runs.next();
  await until(async () => (await queueLength(pool)) === 3);
  const auth = { authorization: `Bearer ${pool.relay.adminToken}` };
  const revoked = await pool.request(`/v1/admin/keys/${id}`, { method: 'DELETE', headers: auth });
  assert.equal(((await revoked.json()) as ApiKey & { cancelled_jobs: number }).cancelled_jobs, 3);
  let data: OwnedBatchPage['data'] = [];
  await until(async () => {
    ({ data } = (await askAsAdmin<OwnedBatchPage>(pool, '/v1/admin/batches')).body);
    return data.every(({ completed_at, cancelled_at }) => (completed_at ?? cancelled_at) !== null);
  });
  assert.deepEqual(
    data.map(({ status, api_key_id, request_counts: { failed } }) => [status, api_key_id, failed]),
    [
      ['cancelled', id, 9],
      ['cancelled', id, 2],
    ],
  );
  const pages: (string | null)[] = [];
  for (let after = ''; pages.length < 3; after = `&after=${pages.at(-1)}`) {
    const { body } = await askAsAdmin<OwnedBatchPage>(pool, `/v1/admin/batches?limit=1${after}`);
    pages.push(body.data[0]?.id ?? 'none', body.next);
    if (body.next === null) break;
  }
  assert.deepEqual(pages, [data[0]?.id, data[0]?.id, data[1]?.id, null]);
  assert.equal(runtime.runs.all.length, 2);
});

test('lines of an input file that is deleted meanwhile say so; those before are answered', async (t) => {
  const pool = await startTestPool(t, { batchLimits: { mostInQueuePerKey: 2 } });
  const client = pool.client();
  const made = await makeBatch(client, held(6));
  await until(async () => (await client.batches.retrieve(made.id)).status === 'in_progress');
  await until(async () => (await jobsOf(pool)).length === 2);
  await client.files.delete(made.input_file_id);
  finishAll(await addHeldNode(pool));
  const { batch, done, not } = await wholeEnd(client, made);
  assert.deepEqual([batch.status, idsOf(done), idsOf(not)], ['completed', names(0, 2), names(2, 6)]);
  assert.deepEqual(new Set(codesOf(not)), new Set(['file_not_found']));
});

test('a job of a line may be cancelled or deleted like any other, and the line says so', async (t) => {
  // One after the other.
  const pool = await startTestPool(t, { batchLimits: { mostInQueuePerKey: 1 } });
  const runtime = await addHeldNode(pool);
  const client = pool.client();
  const made = await makeBatch(client, held(3));
  const ids: string[] = [];
  const next = async (): Promise<ControlledRun> => {
    const run = await runtime.runs.next();
    ids.push((await jobsOf(pool)).find(({ state }) => state !== 'succeeded' && state !== 'cancelled')?.id ?? '');
    return run;
  };
  finish(await next());
  await next();
  assert.equal((await pool.request(`/v1/jobs/${ids[1]}/cancel`, { method: 'POST' })).status, 200);
  const last = await next();
  assert.equal((await pool.request(`/v1/jobs/${ids[0]}`, { method: 'DELETE' })).status, 200);
  finish(last);
  const { batch, done, not } = await wholeEnd(client, made);
  assert.deepEqual([batch.status, batch.request_counts], ['completed', { total: 3, completed: 1, failed: 2 }]);
  assert.deepEqual([idsOf(done), done[0]?.id], [['line 2'], `batch_req_${ids[2]}`]);
  assert.deepEqual([idsOf(not), codesOf(not)], [names(0, 2), ['result_not_found', 'cancelled']]);
});

test('a node that goes in the middle costs an attempt and no line', async (t) => {
  const pool = await startTestPool(t);
  const gone = heldRuntime();
  const { agent } = await pool.addNode({ name: 'gone', slots: 2, runtime: gone });
  const client = pool.client();
  const made = await makeBatch(client, held(6));
  const first = await gone.runs.next();
  const second = await gone.runs.next();
  first.output.text('half an answer', 1);
  second.fail(new Problem('handed_back', 'The owner needs it.'));
  await agent.close();
  finishAll(await addHeldNode(pool));
  const { batch, done } = await wholeEnd(client, made);
  assert.deepEqual([batch.status, idsOf(done)], ['completed', names(0, 6)]);
  for (const row of done) {
    assert.equal(bodyOf<OpenAI.ChatCompletion>(row).choices[0]?.message.content, 'said');
  }
});

test('the end of a batch is told to its webhook, signed, without its answers', async (t) => {
  const told = createInbox<{ headers: IncomingHttpHeaders; body: string }>();
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    response.writeHead(204).end();
    told.push({ headers: request.headers, body });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterTest(t, () => {
    server.closeAllConnections();
    server.close();
  });
  const pool = await startTestPool(t, { webhooksToThisMachine: true });
  await pool.addNode();
  const client = pool.client();
  const webhook = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, secret: 'sixteen letters!' };
  const made = await makeBatch(client, [chatLine('a', 'marmalade')], { webhook });
  const { headers, body } = await told.next();
  const batch = await client.batches.retrieve(made.id);
  const { time, ...event } = JSON.parse(body) as { time: string };
  assert.equal(Math.floor(Date.parse(time) / 1_000), batch.completed_at);
  assert.deepEqual(event, {
    specversion: '1.0',
    id: `${made.id}.end`,
    source: `/v1/batches/${made.id}`,
    type: 'sparewatt.batch.completed',
    datacontenttype: 'application/json',
    data: {
      batch: made.id,
      endpoint: '/v1/chat/completions',
      state: 'completed',
      request_counts: { total: 1, completed: 1, failed: 0 },
      output_file_id: batch.output_file_id,
      error_file_id: null,
    },
  });
  const signed = `${made.id}.end.${headers['webhook-timestamp']}.${body}`;
  const hmac = createHmac('sha256', webhook.secret).update(signed).digest('base64');
  assert.equal(headers['webhook-signature'], `v1,${hmac}`);
  await makeBatch(client, ['{'], { webhook });
  assert.equal((JSON.parse((await told.next()).body) as { type: string }).type, 'sparewatt.batch.failed');
});
