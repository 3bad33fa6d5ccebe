import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type OpenAI from 'openai';
import { toFile } from 'openai';
import type { JobPage } from '../../shared/api/jobs.ts';
import type { ApiKeyList, CreatedKey } from '../../shared/api/keys.ts';
import { afterTest } from '../support/after-test.ts';
import { askChat } from '../support/ask-pool.ts';
import { chatLine } from '../support/batches.ts';
import { addControlled } from '../support/nodes/cancellable-node.ts';
import { type Pool, startPool, startTestPool } from '../support/pool.ts';
import { askAsAdmin } from '../support/pool-admin.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const MOST_BYTES = 4_000;
const pool = await startPool({ fileLimits: { mostBytesPerKey: MOST_BYTES, leastFreeBytes: 0 } });
after(() => pool.close());
const { nodeId } = await pool.addNode();
const client = pool.client();

type Sent = { status: number; replayed: string | null; body: { id: string; code?: string } & Record<string, unknown> };

async function send(to: Pool, path: string, mark: string, body: object, key?: string): Promise<Sent> {
  const isForm = body instanceof FormData;
  const response = await to.request(path, {
    method: 'POST',
    headers: {
      'idempotency-key': mark,
      ...(isForm ? {} : { 'content-type': 'application/json' }),
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    body: isForm ? body : JSON.stringify(body),
  });
  const { status, headers } = response;
  return { status, replayed: headers.get('idempotency-replayed'), body: (await response.json()) as Sent['body'] };
}

function formOf(text: string, purpose = 'batch'): FormData {
  const form = new FormData();
  form.set('purpose', purpose);
  form.set('file', new Blob([text]), 'in.jsonl');
  return form;
}

const as = (key: string): Pick<Pool, 'request'> => ({
  request: (path, init = {}) =>
    pool.request(path, { ...init, headers: { ...(init.headers as object), authorization: `Bearer ${key}` } }),
});
const asAdmin = (): string => pool.relay.adminToken;
const { id: input } = await client.files.create({
  file: await toFile(Buffer.from(chatLine('a')), 'in.jsonl'),
  purpose: 'batch',
});
const { body: old } = await askAsAdmin<CreatedKey>(pool, '/v1/admin/keys', { name: 'to be replaced' });
const BATCH = { input_file_id: input, endpoint: '/v1/chat/completions', completion_window: '24h' };

type Case = {
  path: string;
  body: () => FormData | object;
  other: () => FormData | object;
  key?: () => string;
  idsOf: (to: Pool) => Promise<string[]>;
};

const idsAt = async (to: Pool, path: string, key?: string): Promise<string[]> => {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const { data } = (await (await to.request(path, { headers })).json()) as { data: { id: string }[] };
  return data.map(({ id }) => id);
};
/** Jobs of a model that nothing else here asks for. */
const noopJobs = async (to: Pool): Promise<string[]> => {
  const { data } = (await (await to.request('/v1/jobs?limit=100')).json()) as JobPage;
  return data.filter(({ model }) => model === 'test/noop').map(({ id }) => id);
};

const CASES: Case[] = [
  {
    path: '/v1/files',
    body: () => formOf(chatLine('once')),
    other: () => formOf(chatLine('else')),
    idsOf: (to) => idsAt(to, '/v1/files'),
  },
  {
    path: '/v1/batches',
    body: () => BATCH,
    other: () => ({ ...BATCH, metadata: { another: 'one' } }),
    idsOf: (to) => idsAt(to, '/v1/batches'),
  },
  {
    path: `/v1/nodes/${nodeId}/tasks`,
    body: () => ({ type: 'llm', model: 'test/noop', input: { prompt: 'x' } }),
    other: () => ({ type: 'llm', model: 'test/noop', input: { prompt: 'y' } }),
    idsOf: noopJobs,
  },
  {
    path: '/v1/admin/keys',
    body: () => ({ name: 'made once' }),
    other: () => ({ name: 'made twice' }),
    key: asAdmin,
    idsOf: (to) => idsAt(to, '/v1/admin/keys', asAdmin()),
  },
  {
    path: `/v1/admin/keys/${old.id}/rotate`,
    body: () => ({ overlap_s: 60 }),
    other: () => ({ overlap_s: 61 }),
    key: asAdmin,
    idsOf: (to) => idsAt(to, '/v1/admin/keys', asAdmin()),
  },
];

for (const { path, body, other, key, idsOf } of CASES) {
  const mark = (text: string): string => `${path}${text}`;
  const name = path.replace(nodeId, '{id}').replace(old.id, '{id}');
  test(`[X14] POST ${name} repeated with its key makes one thing; another body is refused, another key makes another`, async () => {
    const before = await idsOf(pool);
    const first = await send(pool, path, mark('a-1'), body(), key?.());
    assert.ok(first.status < 300 && first.replayed === null, JSON.stringify(first));
    const again = await send(pool, path, mark('a-1'), body(), key?.());
    assert.deepEqual([again.status, again.replayed, again.body.id], [first.status, 'true', first.body.id]);
    const wrong = await send(pool, path, mark('a-1'), other(), key?.());
    assert.deepEqual([wrong.status, wrong.body.code], [422, 'idempotency_key_reused']);
    const next = await send(pool, path, mark('a-2'), body(), key?.());
    assert.ok(next.status < 300 && next.body.id !== first.body.id, JSON.stringify(next));
    await until(async () => (await idsOf(pool)).length === before.length + 2);
    assert.equal((await send(pool, path, 'a b', body(), key?.())).status, 400);
  });

  test(`[X14] POST ${name} repeated at the same moment makes one thing, and tells the others to wait`, async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(pool, path, mark('same'), body(), key?.())));
    const ids = new Set(answers.filter(({ status }) => status < 300).map(({ body: { id } }) => id));
    assert.equal(ids.size, 1, JSON.stringify(answers));
    const rest = answers.filter(({ status }) => status >= 300).map(({ body: { code } }) => code);
    assert.deepEqual(new Set(rest), new Set(rest.length === 0 ? [] : ['idempotency_in_flight']));
    assert.equal((await send(pool, path, mark('same'), body(), key?.())).replayed, 'true');
  });
}

test('[X14] a repeated request for a key is answered with the same key, which works, and signs as it did', async () => {
  const order = { name: 'shown again', hmac: true };
  const first = await send(pool, '/v1/admin/keys', 'shown', order, asAdmin());
  const again = await send(pool, '/v1/admin/keys', 'shown', order, asAdmin());
  assert.deepEqual(again.body, first.body);
  assert.match(String(again.body.key), /^sk-sparewatt-[\w-]{43}$/);
  const plain = await send(pool, '/v1/admin/keys', 'plain', { name: 'plain' }, asAdmin());
  const { body } = await send(pool, '/v1/admin/keys', 'plain', { name: 'plain' }, asAdmin());
  assert.equal(body.key, plain.body.key);
  assert.equal((await askChat(as(String(body.key)), 'test/echo')).status, 200);
  const { body: list } = await askAsAdmin<ApiKeyList>(pool, '/v1/admin/keys');
  assert.equal(list.data.filter(({ name }) => name === 'shown again').length, 1);
});

test("[X14] what was refused may be put right with the same key, and what one account asked is nobody else's", async () => {
  const missing = { ...BATCH, input_file_id: 'file_none' };
  assert.equal((await send(pool, '/v1/batches', 'mended', missing)).status, 404);
  const mended = await send(pool, '/v1/batches', 'mended', BATCH);
  assert.deepEqual([mended.status, mended.replayed], [200, null]);
  const { body } = await askAsAdmin<CreatedKey>(pool, '/v1/admin/keys', { name: 'another account' });
  const own = await send(pool, '/v1/files', '/v1/filesa-1', formOf(chatLine('once')), body.key);
  assert.deepEqual([own.status, own.replayed], [200, null]);
});

test('[X14] the official client repeats an upload that fills its space, and a batch whose file is gone', async () => {
  const { body: key } = await askAsAdmin<CreatedKey>(pool, '/v1/admin/keys', { name: 'full' });
  const own = pool.client({ apiKey: key.key });
  const options = (mark: string): OpenAI.RequestOptions => ({ headers: { 'Idempotency-Key': mark } });
  const bytes = Buffer.from(chatLine('large', 'x'.repeat(MOST_BYTES - 200)));
  const upload = async () =>
    own.files.create({ file: await toFile(bytes, 'in.jsonl'), purpose: 'batch' }, options('up'));
  const file = await upload();
  assert.equal((await upload()).id, file.id);
  const make = () =>
    own.batches.create(
      { input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h' },
      options('go'),
    );
  const batch = await make();
  await own.files.delete(file.id);
  assert.equal((await make()).id, batch.id);
  assert.equal((await own.files.list()).data.filter(({ id }) => id === file.id).length, 0);
  const anew = await upload();
  assert.equal((await own.files.retrieve(anew.id)).bytes, bytes.length);
});

test('[X14] keys count also for a relay that was started again, and its tasks are told as they ended', async (t) => {
  const place = { dataFolder: temporaryFolder(t), port: 0 };
  const before = await startPool(place);
  afterTest(t, before.close);
  const held = await addControlled(before);
  const task = { type: 'llm', model: 'test/held', input: { prompt: 'x' } };
  const path = `/v1/nodes/${held.nodeId}/tasks`;
  const ordered = await send(before, path, 'task', task);
  await held.runs.next();
  const file = await send(before, '/v1/files', 'file', formOf(chatLine('a')));
  const key = await send(before, '/v1/admin/keys', 'key', { name: 'k' }, before.relay.adminToken);
  await before.close();
  const pool = await startTestPool(t, place);
  const again = await send(pool, '/v1/files', 'file', formOf(chatLine('a')));
  assert.deepEqual([again.replayed, again.body.id], ['true', file.body.id]);
  const sameKey = await send(pool, '/v1/admin/keys', 'key', { name: 'k' }, pool.relay.adminToken);
  assert.deepEqual([sameKey.replayed, sameKey.body.key], ['true', key.body.key]);
  const repeated = await send(pool, path, 'task', task);
  assert.deepEqual([repeated.replayed, repeated.body.id, repeated.body.state], ['true', ordered.body.id, 'failed']);
});

test('[X14] every operation that makes something which stays says that it may be repeated', async () => {
  type Operation = { parameters?: { in: string; name: string }[]; responses: Record<string, unknown> };
  const document = (await (await pool.request('/openapi.json')).json()) as {
    paths: Record<string, { post?: Operation }>;
  };
  const posts = Object.entries(document.paths).flatMap(([path, { post }]) =>
    post === undefined ? [] : [{ path, post }],
  );
  const repeatable = posts
    .filter(({ post }) => post.parameters?.some((one) => one.in === 'header' && one.name === 'idempotency-key'))
    .map(({ path }) => path);
  assert.deepEqual(repeatable.sort(), [
    '/v1/admin/keys',
    '/v1/admin/keys/{id}/rotate',
    '/v1/admin/settlements',
    '/v1/batches',
    '/v1/files',
    '/v1/jobs',
    '/v1/nodes/{id}/tasks',
  ]);
  const making = posts.filter(({ post }) => '201' in post.responses || '202' in post.responses).map(({ path }) => path);
  /** A code runs out within minutes, a grant has a mark of its own, a node proves who it is, and MCP tells of no repeats. */
  const others = ['/v1/admin/pairing-codes', '/v1/admin/credits/grants', '/v1/miners/register', '/mcp'];
  assert.deepEqual(
    making.filter((path) => !repeatable.includes(path) && !others.includes(path)),
    [],
  );
});
