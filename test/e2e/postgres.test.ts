import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import OpenAI from 'openai';
import pg from 'pg';
import { afterTest } from '../support/after-test.ts';
import { runSparewatt, sparewatt } from '../support/command.ts';
import { freePort } from '../support/network/free-port.ts';
import { startTellingNode } from '../support/nodes/telling-node-process.ts';
import { startPostgres, whyNoPostgres } from '../support/postgres.ts';
import { endOf, type JobClient, LLM, postJob, resultOf } from '../support/queued-jobs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

type Ready = { url: string; natsUrl: string; apiKey: string; adminToken: string };

const skip = whyNoPostgres() ?? false;
const starting = skip === false ? startPostgres() : undefined;

async function createDatabase(): Promise<{ url: string; password: string }> {
  const url = (await (await starting)?.createDatabase()) ?? '';
  return { url, password: /:([^:@]+)@/.exec(url)?.[1] ?? '' };
}

/** A relay on PostgreSQL in a process of its own. */
async function startRelay(t: TestContext, databaseUrl: string, data: string, port = '0') {
  const place = ['--host', '127.0.0.1', '--port', port, '--no-announce', '--data', data];
  const relay = sparewatt(['relay', ...place, '--ready-json', '--log-level', 'debug'], {
    env: { DATABASE_URL: databaseUrl },
  });
  afterTest(t, async () => {
    relay.child.kill('SIGTERM');
    await relay.exit;
  });
  return { relay, ready: JSON.parse(await relay.firstLine()) as Ready };
}

function clientOf({ url, apiKey }: Ready): JobClient {
  return {
    request: (path, init = {}) =>
      fetch(`${url}${path}`, { ...init, headers: { ...(init.headers as object), authorization: `Bearer ${apiKey}` } }),
  };
}

test('a relay on PostgreSQL answers a chat, and a job it accepted survives its kill -9', { skip }, async (t) => {
  const { url, password } = await createDatabase();
  const data = temporaryFolder(t);
  const { relay, ready } = await startRelay(t, url, data, String(await freePort()));
  const node = await startTellingNode({ relayUrl: ready.url, slots: 4 });
  afterTest(t, node.kill);
  const openai = new OpenAI({ baseURL: `${ready.url}/v1`, apiKey: ready.apiKey, maxRetries: 5 });
  const messages = [{ role: 'user' as const, content: 'a secret prompt' }];
  const chat = await openai.chat.completions.create({ model: 'test/ten-ms', messages, max_tokens: 3 });
  assert.equal(chat.choices[0]?.message.content, '0 1 2 ');

  const client = clientOf(ready);
  const before = node.starts.all.length;
  const response = await postJob(client, { service: LLM, model: 'test/ten-ms', input: { messages, max_tokens: 40 } });
  const { id } = (await response.json()) as { id: string };
  await until(() => node.starts.all.length > before);
  relay.child.kill('SIGKILL');
  await relay.exit;
  const second = await startRelay(t, url, data, new URL(ready.url).port);
  const job = await endOf(client, id);
  assert.equal(job.state, 'succeeded', JSON.stringify(job));
  assert.equal(job.attempts.filter(({ state }) => state === 'succeeded').length, 1);
  const { result } = (await (await resultOf(client, id)).json()) as { result: { text: string } };
  assert.match(result.text, /^0 1 2 .* 39 $/);

  const told = relay.stderr() + relay.stdout() + second.relay.stderr() + second.relay.stdout();
  assert.match(told, /"database":"[^"]+\/d\d+"/);
  for (const secret of [password, 'a secret prompt']) assert.ok(!told.includes(secret));
});

test('the receipts of a relay on PostgreSQL are audited while it runs', { skip }, async (t) => {
  const { url } = await createDatabase();
  const data = temporaryFolder(t);
  const env = { DATABASE_URL: url };
  const early = await runSparewatt(['receipts', 'audit', '--data', data], { env });
  assert.notEqual(early.code, 0);
  const { ready } = await startRelay(t, url, data);
  const node = await startTellingNode({ relayUrl: ready.url, slots: 4 });
  afterTest(t, node.kill);
  const body = {
    service: LLM,
    model: 'test/ten-ms',
    input: { messages: [{ role: 'user', content: 'x' }], max_tokens: 2 },
  };
  const { id } = (await (await postJob(clientOf(ready), body)).json()) as { id: string };
  assert.equal((await endOf(clientOf(ready), id)).state, 'succeeded');
  const audit = await runSparewatt(['receipts', 'audit', '--data', data], { env });
  assert.equal(audit.code, 0, audit.stderr);
  assert.match(audit.stdout, /1 receipt, root/);
});

test('a relay whose database has gone ends when it is told to, and its bus with it', { skip }, async (t) => {
  const server = await starting;
  const { url } = await createDatabase();
  const { relay, ready } = await startRelay(t, url, temporaryFolder(t));
  afterTest(t, () => server?.start());
  // It would write down that the key was used.
  assert.equal((await clientOf(ready).request('/v1/models')).status, 200);
  await server?.kill();
  relay.child.kill('SIGTERM');
  await until(() => relay.child.exitCode !== null);
  assert.equal(relay.child.exitCode, 0, relay.stderr());
  await assert.rejects(fetch(ready.natsUrl.replace('nats:', 'http:')), { name: 'TypeError' });
});

/** What asks the database, whatever it asks for. */
const ASKING = [
  '/v1/jobs',
  '/v1/jobs/ID',
  '/v1/jobs/ID/result',
  '/v1/jobs/ID/receipts',
  '/v1/usage',
  '/v1/credits',
  '/v1/files',
];
const ADMIN_ASKING = [
  '/v1/admin/stats',
  '/v1/admin/jobs',
  '/v1/admin/keys',
  '/v1/admin/usage?by=key',
  '/v1/admin/snapshot',
];
/** Three times what the relay waits. */
const CLIENT_PATIENCE_MS = 30_000;

test('a relay whose database hangs says so to every request, goes on by itself, and ends in time', {
  skip,
}, async (t) => {
  const server = await starting;
  const { url } = await createDatabase();
  const { relay, ready } = await startRelay(t, url, temporaryFolder(t));
  afterTest(t, () => server?.thaw());
  const node = await startTellingNode({ relayUrl: ready.url, slots: 4 });
  afterTest(t, node.kill);
  const client = clientOf(ready);
  const order = {
    service: LLM,
    model: 'test/ten-ms',
    input: { messages: [{ role: 'user', content: 'x' }], max_tokens: 2 },
  };
  const submit = async () => ((await (await postJob(client, order)).json()) as { id: string }).id;
  const id = await submit();
  assert.equal((await endOf(client, id)).state, 'succeeded');
  const pending = await submit();
  server?.freeze();
  const admin = { authorization: `Bearer ${ready.adminToken}` };
  const signal = AbortSignal.timeout(CLIENT_PATIENCE_MS);
  const asked = [
    ...ASKING.map((path) => client.request(path.replace('ID', id), { signal })),
    ...ADMIN_ASKING.map((path) => fetch(`${ready.url}${path}`, { headers: admin, signal })),
    client.request(`/v1/jobs/${id}/cancel`, { method: 'POST', signal }),
    postJob(client, order),
  ];
  for (const response of await Promise.all(asked)) {
    const body = await response.text();
    assert.equal(response.status, 507, `${response.url} ${body}`);
    assert.match(body, /"code":"storage_failed"/, response.url);
    assert.match(response.headers.get('retry-after') ?? '', /^\d+$/, response.url);
  }
  server?.thaw();
  await until(async () => (await client.request('/v1/health/ready')).ok);
  assert.equal((await endOf(client, pending)).state, 'succeeded');
  server?.freeze();
  relay.child.kill('SIGTERM');
  await until(() => relay.child.exitCode !== null, CLIENT_PATIENCE_MS);
  assert.equal(relay.child.exitCode, 0, relay.stderr());
});

test('a relay is not ready while records wait for room that a probe still finds, and loses none of them', {
  skip,
}, async (t) => {
  const { url } = await createDatabase();
  const data = temporaryFolder(t);
  const { relay, ready } = await startRelay(t, url, data, String(await freePort()));
  const node = await startTellingNode({ relayUrl: ready.url, slots: 4 });
  afterTest(t, node.kill);
  const tamper = async (sql: string) => {
    const client = new pg.Client(url);
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  await tamper(`
    CREATE FUNCTION fill_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full';
    END $$`);
  const fill = () => tamper('CREATE TRIGGER fill_disk BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION fill_disk()');
  const free = () => tamper('DROP TRIGGER fill_disk ON jobs');
  await fill();
  const client = clientOf(ready);
  const body = JSON.stringify({ model: 'test/ten-ms', messages: [{ role: 'user', content: 'x' }], max_tokens: 2 });
  const headers = { 'content-type': 'application/json' };
  const chat = () => client.request('/v1/chat/completions', { method: 'POST', headers, body });
  const answered = await chat();
  assert.equal(answered.status, 200, await answered.text());
  const health = async () => (await (await client.request('/v1/health/ready')).json()) as { reasons: string[] };
  const full = /^Nothing can be written down: .*the disk of its server is full/;
  await until(async () => full.test((await health()).reasons.join()));
  assert.equal((await chat()).status, 507);
  await free();
  const isReady = async () => (await client.request('/v1/health/ready')).ok;
  await until(isReady);
  const receiptOf = (response: Response) => `/v1/receipts/${response.headers.get('x-sparewatt-receipt')}`;
  const receipt = await client.request(receiptOf(answered));
  assert.equal(receipt.status, 200, await receipt.text());

  // What a relay has answered and could not write down to its end is written by the next one.
  await fill();
  const late = await chat();
  assert.equal(late.status, 200, await late.text());
  await until(async () => !(await isReady()));
  relay.child.kill('SIGTERM');
  assert.equal(await relay.exit, 0, relay.stderr());
  await free();
  await startRelay(t, url, data, new URL(ready.url).port);
  await until(async () => (await client.request(receiptOf(late))).status === 200);
});

test('a second relay at the same database says that another one uses it', { skip }, async (t) => {
  const { url, password } = await createDatabase();
  const { relay: first } = await startRelay(t, url, temporaryFolder(t));
  const place = ['--host', '127.0.0.1', '--port', '0', '--no-announce', '--data', temporaryFolder(t)];
  const second = sparewatt(['relay', ...place, '--ready-json'], { env: { DATABASE_URL: url } });
  const served = second.firstLine().then(
    () => 'it serves',
    () => second.exit,
  );
  assert.equal(await served, 1, `${second.stderr()}\nThe first:\n${first.stderr()}`);
  assert.match(second.stderr(), /Another relay, on this machine, uses the database .*\(database_in_use\)/);
  assert.ok(!second.stderr().includes(password));
});

test('the address of a database is never shown, and a password in it is no option', async () => {
  const env = { DATABASE_URL: 'postgres://me:hidden-word@db.example/x' };
  for (const format of [[], ['--json']]) {
    const { stdout, stderr } = await runSparewatt(['config', 'relay', ...format], { env });
    assert.match(stdout, /database_url/);
    assert.match(stdout, /DATABASE_URL/);
    assert.ok(!`${stdout}${stderr}`.includes('hidden-word') && !stdout.includes('db.example'));
  }
  const shown = await runSparewatt(['relay', '--database-url', env.DATABASE_URL]);
  assert.equal(shown.code, 2);
  assert.match(shown.stderr, /does not belong on the command line. Set DATABASE_URL instead/);
  const wrong = await runSparewatt(['config', 'relay', '--check'], {
    env: { DATABASE_URL: 'mysql://me:hidden-word@x/y' },
  });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /DATABASE_URL: relay.database_url must be an address such as postgres:/);
  assert.ok(!wrong.stderr.includes('hidden-word'));
});
