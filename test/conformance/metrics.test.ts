import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Cluster } from '../../shared/api/cluster.ts';
import type { Health } from '../../shared/api/health.ts';
import type { AdminStats } from '../../shared/api/stats.ts';
import { startPool } from '../support/pool.ts';
import { until } from '../support/until.ts';

const pool = await startPool();
after(() => pool.close());
await pool.addNode({ slots: 3 });

const PROMPT = 'a prompt that nobody else reads';

async function scrape(token = pool.relay.adminToken): Promise<{ status: number; text: string }> {
  const response = await fetch(`${pool.relay.url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, text: await response.text() };
}

/** The value of a sample, by its name and some of its labels. */
function sample(text: string, name: string, labels: readonly string[] = []): number | undefined {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  const line = lines.find((one) => labels.every((label) => one.includes(label)));
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ')));
}

test('the first scrape tells the slots already', async () => {
  assert.equal(sample((await scrape()).text, 'sparewatt_slots', ['state="free"']), 3);
});

test('counts jobs, tokens and times by model and what was refused by code, and tells nothing of anybody', async () => {
  const client = pool.client();
  const messages = [{ role: 'user' as const, content: PROMPT }];
  await client.chat.completions.create({ model: 'test/noop', messages });
  for await (const _ of await client.chat.completions.create({ model: 'test/noop', messages, stream: true }));
  await client.embeddings.create({ model: 'test/vectors', input: PROMPT });
  await assert.rejects(client.chat.completions.create({ model: 'test/nobody', messages }));
  await until(async () => sample((await scrape()).text, 'sparewatt_jobs', ['state="running"']) === 0);
  const { text } = await scrape();
  const chat = ['gen_ai_operation_name="chat"', 'gen_ai_request_model="test/noop"'];
  assert.equal(sample(text, 'sparewatt_jobs_total', [...chat, 'state="succeeded"', 'error_type=""']), 2);
  assert.equal(sample(text, 'sparewatt_jobs_total', ['gen_ai_operation_name="embeddings"']), 1);
  assert.equal(sample(text, 'gen_ai_server_request_duration_seconds_count', chat), 2);
  assert.equal(sample(text, 'gen_ai_client_token_usage_count', [...chat, 'gen_ai_token_type="input"']), 2);
  assert.ok((sample(text, 'gen_ai_client_token_usage_sum', [...chat, 'gen_ai_token_type="output"']) ?? 0) > 0);
  assert.equal(sample(text, 'sparewatt_http_refusals_total', ['code="model_not_found"']), 1);
  assert.equal(sample(text, 'sparewatt_nodes', ['status="ready"']), 1);
  assert.equal(sample(text, 'sparewatt_slots', ['state="free"']), 3);
  assert.equal(sample(text, 'sparewatt_bus_connected'), 1);
  assert.equal(sample(text, 'sparewatt_stale_frames_total'), 0);
  assert.ok((sample(text, 'process_resident_memory_bytes') ?? 0) > 1e6);
  assert.ok(!text.includes(PROMPT) && !/(job|key|req)_[0-9a-z]{12}/.test(text));
});

test('a job that no node of now may take counts as queued whenever somebody asks, and nowhere else', async () => {
  const ask = async (path: string): Promise<unknown> =>
    (await fetch(`${pool.relay.url}${path}`, { headers: { authorization: `Bearer ${pool.relay.adminToken}` } })).json();
  const order = {
    service: 'llm/inference',
    model: 'test/noop',
    input: { messages: [{ role: 'user', content: 'hi' }] },
  };
  const response = await pool.request('/v1/jobs', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...order, routing: { require: { labels: { room: 'cellar' } } } }),
  });
  const { id } = (await response.json()) as { id: string };
  const expected = { running: 0, waiting: 0, queued: 1 };
  // It asks the nodes again and again, and rests between.
  for (let looks = 0; looks < 12; looks++) {
    const { jobs: told } = (await ask('/v1/health')) as Health;
    const { jobs } = (await ask('/v1/admin/stats')) as AdminStats;
    const { jobs_running, jobs_waiting } = (await ask('/v1/cluster')) as Cluster;
    const { text } = await scrape();
    const inMetrics = ['running', 'waiting', 'queued'].map((state) =>
      sample(text, 'sparewatt_jobs', [`state="${state}"`]),
    );
    assert.deepEqual(told, expected);
    assert.deepEqual({ ...jobs, finished: undefined }, { ...expected, finished: undefined });
    assert.deepEqual([jobs_running, jobs_waiting, ...inMetrics], [0, 1, 0, 0, 1]);
  }
  await pool.request(`/v1/jobs/${id}`, { method: 'DELETE' });
  await until(async () => sample((await scrape()).text, 'sparewatt_jobs', ['state="queued"']) === 0);
});

test('a node that leaves is no longer ready in the next scrape', async () => {
  const second = await pool.addNode({ slots: 2 });
  assert.equal(sample((await scrape()).text, 'sparewatt_slots', ['state="free"']), 5);
  await second.agent.close();
  await until(async () => sample((await scrape()).text, 'sparewatt_nodes', ['status="ready"']) === 1);
  const { text } = await scrape();
  assert.equal(sample(text, 'sparewatt_nodes', ['status="offline"']), 1);
  assert.equal(sample(text, 'sparewatt_slots', ['state="free"']), 3);
});

test('metrics are for the operator alone', async () => {
  assert.equal((await scrape(pool.relay.apiKey)).status, 403);
  assert.equal((await fetch(`${pool.relay.url}/metrics`)).status, 401);
});

test('what a client did wrong is counted by the code that it was told, and never as a fault of the relay', async () => {
  const codes = ['missing_required_parameter', 'invalid_value', 'invalid_json', 'unsupported_media_type'] as const;
  const counted = (text: string) =>
    [...codes, 'internal'].map((code) => sample(text, 'sparewatt_http_refusals_total', [`code="${code}"`]) ?? 0);
  const before = counted((await scrape()).text);
  const json = { 'content-type': 'application/json' };
  for (const [body, headers] of [
    ['{"model":"test/noop"}', json],
    ['{"model":5,"messages":[]}', json],
    ['{"model"', json],
    ['x', { 'content-type': 'application/xml' }],
  ] as const) {
    const response = await pool.request('/v1/chat/completions', { method: 'POST', headers, body });
    assert.ok(response.status >= 400 && response.status < 500);
  }
  const { text } = await scrape();
  assert.deepEqual(
    counted(text).map((count, index) => count - (before[index] ?? 0)),
    [1, 1, 1, 1, 0],
  );
  const stats = await fetch(`${pool.relay.url}/v1/admin/stats`, {
    headers: { authorization: `Bearer ${pool.relay.adminToken}` },
  });
  const { problems } = (await stats.json()) as { problems: { requests: Record<string, number> } };
  assert.deepEqual([problems.requests.invalid_json, problems.requests.internal], [1, undefined]);
});
