/** After a day of every kind of work each place that counts it says the same, to the token and to the millionth of a credit. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { CreditStanding, EntryList } from '../../shared/api/credits.ts';
import type { JobListItem, JobPage } from '../../shared/api/jobs.ts';
import type { CreatedKey } from '../../shared/api/keys.ts';
import type { MessageObject } from '../../shared/api/messages.ts';
import type { UsageReport, UsageRow } from '../../shared/api/usage.ts';
import { batchOnce, chatLine, makeBatch } from '../support/batches.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { ask, askAsAdmin } from '../support/pool-admin.ts';
import { endOf, jobClient, submit } from '../support/queued-jobs.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { sharedFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

/** A token that was read is one millionth of a credit, one that was made a thousand. */
const RATES = { per_million_input_tokens_micro: 1_000_000, per_million_output_tokens_micro: 1_000_000_000 };
/** So much that nothing is refused, in a period whose end no test sees. */
const BUDGET = { budget_micro: 1_000_000_000_000, budget_duration: '9999mo' };
/** What its node did not finish is paid by nobody. */
const cost = ({ state, usage }: JobListItem): number =>
  state === 'failed' ? 0 : (usage?.inputTokens ?? 0) + 1_000 * (usage?.outputTokens ?? 0);
const ENDED = new Set(['succeeded', 'failed', 'cancelled', 'expired']);

const dataFolder = sharedFolder();
let pool: Pool;
let keys: { id: string; key: string }[];
/** What answers said of themselves, by key. */
const told = new Map<string, { jobs: number; input: number; output: number }>();

before(async () => {
  pool = await startPool({ dataFolder });
  await pool.addNode({ name: 'attic' });
  await pool.addNode({ name: 'cellar', slots: 2 });
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${pool.relay.adminToken}` };
  const price = { method: 'PUT', headers, body: JSON.stringify(RATES) };
  assert.equal((await pool.request('/v1/admin/prices/*', price)).status, 200);
  keys = [];
  for (const name of ['one', 'two', 'three']) {
    const { id, key } = (await askAsAdmin<CreatedKey>(pool, '/v1/admin/keys', { name, ...BUDGET })).body;
    keys.push({ id, key });
  }
});
after(() => pool?.close());

async function recorded(): Promise<JobListItem[]> {
  const all: JobListItem[] = [];
  for (let next: string | null = ''; next !== null; ) {
    const after: string = next === '' ? '' : `&after=${next}`;
    const { body } = await askAsAdmin<JobPage>(pool, `/v1/admin/jobs?limit=50${after}`);
    all.push(...body.data);
    next = body.next;
  }
  return all;
}

/** Counts what an answer says of itself; undefined for one that was refused or broken off. */
function note(id: string, usage: { prompt_tokens: number; completion_tokens?: number } | undefined, jobs = 1): void {
  if (usage === undefined) return;
  const sum = told.get(id) ?? { jobs: 0, input: 0, output: 0 };
  sum.jobs += jobs;
  sum.input += usage.prompt_tokens;
  sum.output += usage.completion_tokens ?? 0;
  told.set(id, sum);
}

/** One request of one kind, of which a failure is as good an end as any. */
async function work(kind: number, { id, key }: { id: string; key: string }, words: number): Promise<void> {
  const client = pool.client({ apiKey: key });
  const messages = [{ role: 'user' as const, content: 'w '.repeat(words) }];
  const ask = { model: 'test/echo', messages };
  if (kind === 0) note(id, (await client.chat.completions.create(ask)).usage);
  else if (kind === 1) {
    const stream = client.chat.completions.stream({ ...ask, stream_options: { include_usage: true } });
    note(id, (await stream.finalChatCompletion()).usage);
  } else if (kind === 2)
    note(id, (await client.embeddings.create({ model: 'test/vectors', input: ['x', 'yz'] })).usage);
  else if (kind === 3) await client.chat.completions.create({ ...ask, model: 'test/failing' }).catch(() => undefined);
  else if (kind === 4) {
    const broken = await client.chat.completions.create({ ...ask, model: 'test/breaking', stream: true });
    await assert.rejects(async () => {
      for await (const _ of broken);
    });
  } else if (kind === 5) {
    // Somebody hangs up in the middle.
    const stream = await client.chat.completions.create({
      ...ask,
      model: 'test/stuck',
      stream: true,
    });
    for await (const _ of stream) break;
  } else if (kind === 6) {
    const job = await submit(jobClient(pool, key), { input: 'w '.repeat(words) });
    const { usage } = await endOf(jobClient(pool, key), job.id);
    note(id, usage === null ? undefined : { prompt_tokens: usage.inputTokens, completion_tokens: usage.outputTokens });
  } else if (kind >= 8) await workOfMany(kind, { id, key }, words);
  else {
    const answer = await client.responses.create({ model: 'test/echo', input: 'w '.repeat(words) });
    note(
      id,
      answer.usage && { prompt_tokens: answer.usage.input_tokens, completion_tokens: answer.usage.output_tokens },
    );
  }
}

/** The same of answers that are several, or of several jobs. */
async function workOfMany(kind: number, { id, key }: { id: string; key: string }, words: number): Promise<void> {
  const client = pool.client({ apiKey: key });
  const content = 'w '.repeat(words);
  const asked = { model: 'test/echo', messages: [{ role: 'user' as const, content }] };
  if (kind === 8) note(id, (await client.chat.completions.create({ ...asked, n: 2 })).usage);
  else if (kind === 9) {
    const prompts = { model: 'test/echo', prompt: ['a b', content], n: 2 };
    note(id, (await client.completions.create(prompts)).usage, prompts.prompt.length);
  } else if (kind === 10) {
    const { body } = await ask<MessageObject>(pool, '/v1/messages', { ...asked, max_tokens: 100 }, key);
    note(id, { prompt_tokens: body.usage.input_tokens, completion_tokens: body.usage.output_tokens });
  } else {
    const failing = { model: 'test/failing' };
    const lines = [chatLine('a', content), chatLine('b', 'x y', { n: 2 }), chatLine('c', 'z', failing)];
    const made = await makeBatch(client, lines);
    const { usage } = await batchOnce(client, made.id, ({ status }) => status === 'completed');
    note(id, usage && { prompt_tokens: usage.input_tokens, completion_tokens: usage.output_tokens }, 2);
  }
}

async function usage(query: string, key?: string): Promise<UsageRow[]> {
  const path = key === undefined ? `/v1/admin/usage${query}` : `/v1/usage${query}`;
  return (await ask<UsageReport>(pool, path, undefined, key ?? pool.relay.adminToken)).body.data;
}

const sumOf = (rows: readonly UsageRow[]) => ({
  jobs: rows.reduce((sum, row) => sum + row.jobs, 0),
  failed: rows.reduce((sum, row) => sum + row.failed, 0),
  input: rows.reduce((sum, row) => sum + row.input_tokens, 0),
  output: rows.reduce((sum, row) => sum + row.output_tokens, 0),
});
const sumOfRecords = (jobs: readonly JobListItem[]) => ({
  jobs: jobs.length,
  failed: jobs.filter(({ state }) => state !== 'succeeded').length,
  input: jobs.reduce((sum, job) => sum + (job.usage?.inputTokens ?? 0), 0),
  output: jobs.reduce((sum, job) => sum + (job.usage?.outputTokens ?? 0), 0),
});

/** What a counter or the sum of a histogram says, for all labels that have these. */
async function metric(name: string, ...labels: string[]): Promise<number> {
  const text = await (await pool.request('/metrics', operator())).text();
  const lines = text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && labels.every((one) => line.includes(one)));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/** All that counts, beside what was recorded. */
async function assertAgreement(jobs: readonly JobListItem[]): Promise<void> {
  const total = sumOfRecords(jobs);
  for (const by of ['day', 'hour', 'key', 'model', 'node', 'key,model,node,day']) {
    assert.deepEqual(sumOf(await usage(`?by=${by}`)), total, by);
  }
  const byModel = new Map((await usage('?by=model')).map((row) => [row.model, sumOf([row])]));
  for (const model of new Set(jobs.map((job) => job.model))) {
    assert.deepEqual(byModel.get(model), sumOfRecords(jobs.filter((job) => job.model === model)), model);
  }
  const csv = await (await pool.request('/v1/admin/usage?by=key&format=csv', operator())).text();
  for (const { id, key } of keys) {
    const own = jobs.filter((job) => job.apiKeyId === id);
    const sum = sumOfRecords(own);
    assert.deepEqual(sumOf(await usage('?by=model', key)), sum);
    assert.ok(csv.includes(`,${id},,,${sum.jobs},${sum.failed},${sum.input},${sum.output}\r\n`), csv);
    const said = told.get(id);
    const succeeded = sumOfRecords(own.filter(({ state }) => state === 'succeeded'));
    assert.deepEqual({ ...said, failed: 0 }, succeeded, `what answers to ${id} said`);
    const { balance_micro, held_micro, budget } = (await ask<CreditStanding>(pool, '/v1/credits', undefined, key)).body;
    const charged = own.reduce((all, job) => all + cost(job), 0);
    assert.deepEqual([balance_micro, held_micro, budget?.spent_micro], [-charged, 0, charged], id);
  }
  const { body } = await askAsAdmin<EntryList>(pool, '/v1/admin/credits/entries?limit=1000');
  const charges = body.data.filter(({ kind }) => kind === 'charge');
  assert.equal(
    charges.reduce((sum, { amount_micro: amount }) => sum + amount, 0),
    jobs.reduce((sum, job) => sum + cost(job), 0),
  );
}

function operator(): RequestInit {
  return { headers: { authorization: `Bearer ${pool.relay.adminToken}` } };
}

test('usage, its table, the ledger, metrics and records agree with what clients were told, also after a restart', async () => {
  const random = seededRandom(20_261_123);
  const orders = Array.from({ length: 180 }, () => [random(), random(), random()] as const);
  for (let at = 0; at < orders.length; at += 12) {
    await Promise.all(
      orders.slice(at, at + 12).map(async ([kind, whose, words]) => {
        const who = keys[Math.floor(whose * keys.length)];
        if (who !== undefined) await work(Math.floor(kind * 12), who, 1 + Math.floor(words * 40));
      }),
    );
  }
  await until(async () => (await recorded()).every(({ state }) => ENDED.has(state)), 30_000);
  const jobs = await recorded();
  assert.ok(new Set(jobs.map(({ state }) => state)).size >= 3);
  await assertAgreement(jobs);
  assert.equal(await metric('sparewatt_jobs_total'), jobs.length);
  for (const [type, of] of [
    ['input', 'inputTokens'],
    ['output', 'outputTokens'],
  ] as const) {
    const counted = await metric('gen_ai_client_token_usage_sum', `gen_ai_token_type="${type}"`);
    assert.equal(
      counted,
      jobs.reduce((sum, { usage: used }) => sum + (used?.[of] ?? 0), 0),
      type,
    );
  }
  await pool.close();
  pool = await startPool({ dataFolder });
  assert.deepEqual(await recorded(), jobs);
  await assertAgreement(jobs);
});
