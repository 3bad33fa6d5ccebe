import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import pino from 'pino';
import { createWebhookSender } from '../../../../relay/jobs/queue/webhook-request.ts';
import { delayOf, MOST_TRIES } from '../../../../relay/jobs/queue/webhooks.ts';
import { usualWebhookNetworks, webhookGuard } from '../../../../relay/outbound/webhook-networks.ts';
import type { ErrorBody } from '../../../../shared/problems/http.ts';
import { afterTest } from '../../../support/after-test.ts';
import { createInbox } from '../../../support/inbox.ts';
import { startPool, startTestPool } from '../../../support/pool.ts';
import { ask } from '../../../support/pool-admin.ts';
import { endOf, type JobClient, jobClient, LLM, submit } from '../../../support/queued-jobs.ts';

const isBeyondThisMachine = webhookGuard('private');
const SECRET = 'a secret of the client';

type Told = { headers: IncomingHttpHeaders; body: string; answer(status: number): void };

/** A receiver whose answers the test gives. */
async function startReceiver(t: TestContext) {
  const told = createInbox<Told>();
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const answer = (status: number): void => void response.writeHead(status, { location: '/elsewhere' }).end();
      told.push({ headers: request.headers, body, answer });
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterTest(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return { told, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` };
}

test('tells the end of a job once it is over, signed, without input and result', async (t) => {
  const { told, url } = await startReceiver(t);
  const pool = await startTestPool(t, { webhooksToThisMachine: true });
  await pool.addNode();
  const { id } = await submit(pool, { input: 'marmalade', webhook: { url, secret: SECRET } });
  const { headers, body, answer } = await told.next();
  answer(204);
  const event = JSON.parse(body) as { id: string; type: string; specversion: string; data: { job: string } };
  assert.deepEqual([event.specversion, event.type, event.data.job], ['1.0', 'sparewatt.job.succeeded', id]);
  assert.equal(headers['webhook-id'], event.id);
  assert.match(headers['content-type'] ?? '', /^application\/cloudevents\+json/);
  const signed = `${event.id}.${headers['webhook-timestamp']}.${body}`;
  assert.equal(headers['webhook-signature'], `v1,${createHmac('sha256', SECRET).update(signed).digest('base64')}`);
  assert.doesNotMatch(body, /marmalade|secret/);
  assert.equal((await endOf(pool, id)).state, 'succeeded');
});

test('comes again after an answer that is no success, also with the next relay, and not after one that is', async (t) => {
  const { told, url } = await startReceiver(t);
  const first = await startPool({ webhooksToThisMachine: true });
  afterTest(t, first.close);
  const { id } = await submit(first, { webhook: { url, secret: SECRET } });
  await first.request(`/v1/jobs/${id}/cancel`, { method: 'POST' });
  const refused = await told.next();
  // A redirect is not followed: the signature is for one receiver.
  refused.answer(302);
  await first.relay.close();
  const second = await startPool({ webhooksToThisMachine: true, dataFolder: first.dataFolder });
  afterTest(t, second.close);
  const again = await told.next();
  assert.equal(again.headers['webhook-id'], refused.headers['webhook-id']);
  assert.match(again.body, /sparewatt\.job\.cancelled/);
  again.answer(200);
  const next = await submit(second, { webhook: { url, secret: SECRET } });
  await second.request(`/v1/jobs/${next.id}/cancel`, { method: 'POST' });
  (await told.next()).answer(500);
  const last = await told.next();
  last.answer(200);
  assert.equal(told.all.filter(({ headers }) => headers['webhook-id'] === `${id}.end`).length, 2);
  assert.equal(last.headers['webhook-id'], `${next.id}.end`);
});

test('leads to no service of the relay’s own machine or of its cloud, by whatever name', async (t) => {
  const { told, url } = await startReceiver(t);
  const port = new URL(url).port;
  const { signal } = new AbortController();
  const send = createWebhookSender({ isAllowed: isBeyondThisMachine });
  const delivery = { seq: 1, apiKeyId: 'key_a', secret: SECRET, eventId: 'e', body: '{}', tries: 0, nextAt: 0 };
  const hosts = [
    '127.0.0.1',
    'localhost',
    '2130706433',
    '0x7f.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '0.0.0.0',
    '[fe80::1]',
  ];
  for (const host of [...hosts, '169.254.169.254']) {
    await assert.rejects(
      send({ ...delivery, url: `http://${host}:${port}/` }, 1, signal),
      /no address that webhooks/,
      host,
    );
  }
  assert.equal(told.all.length, 0);
  for (const address of ['192.168.1.5', '10.0.0.1', '93.184.216.34', '2606:2800::1', 'fd00::1']) {
    assert.ok(isBeyondThisMachine(address), address);
  }
});

test('knows the relay and the secrets of its cloud by each of their addresses', () => {
  const clouds = ['169.254.169.254', '100.100.100.200', '192.0.0.192', 'fd00:ec2::254'];
  const forms = [
    '64:ff9b::7f00:1',
    '64:ff9b::a9fe:a9fe',
    '2002:7f00:1::',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    'fe80::1%2',
    '::ffff:100.100.100.200',
    '64:ff9b::c000:c0',
  ];
  for (const address of [...clouds, ...forms, '224.0.0.1', '255.255.255.255', 'ff02::1']) {
    assert.ok(!isBeyondThisMachine(address), address);
  }
  for (const address of ['64:ff9b::5db8:d822', '::ffff:93.184.216.34', '100.100.100.201']) {
    assert.ok(isBeyondThisMachine(address), address);
  }
});

test('leads into a private network only where the operator says so, or where the relay itself is in one alone', async (t) => {
  const { told, url } = await startReceiver(t);
  const isPublic = webhookGuard('public');
  const inside = [
    '192.168.1.5',
    '10.0.0.1',
    '172.16.0.9',
    '100.64.0.1',
    'fd00::1',
    '::ffff:10.0.0.1',
    '64:ff9b::a00:1',
  ];
  for (const address of inside) {
    assert.deepEqual([isPublic(address), isBeyondThisMachine(address)], [false, true], address);
  }
  for (const address of ['93.184.216.34', '2606:2800::1', '64:ff9b::5db8:d822']) assert.ok(isPublic(address), address);
  for (const [host, publicUrl, expected] of [
    ['127.0.0.1', undefined, 'private'],
    ['localhost', undefined, 'private'],
    ['::1', undefined, 'private'],
    ['192.168.1.20', undefined, 'private'],
    ['fd00::20', 'http://[fd00::20]:8484', 'private'],
    ['0.0.0.0', undefined, 'public'],
    ['::', undefined, 'public'],
    ['93.184.216.34', undefined, 'public'],
    ['relay.example', undefined, 'public'],
    // A proxy stands before it.
    ['127.0.0.1', 'https://relay.example', 'public'],
    ['192.168.1.20', 'https://93.184.216.34', 'public'],
  ] as const) {
    assert.equal(usualWebhookNetworks({ host, publicUrl }), expected, `${host} ${publicUrl}`);
  }
  // A name that has led to the internet when it was looked at leads inside when it is to be connected to.
  const answers = ['93.184.216.34', '192.168.1.5'];
  const asked: string[] = [];
  const isAllowed = (address: string): boolean => {
    asked.push(address);
    return isPublic(address);
  };
  const resolve = async () => [{ address: answers[asked.length] ?? '', family: 4 }];
  const { signal } = new AbortController();
  const delivery = { seq: 1, apiKeyId: 'key_a', secret: SECRET, eventId: 'e', body: '{}', tries: 0, nextAt: 0 };
  const target = { ...delivery, url: `http://rebound.test:${new URL(url).port}/` };
  asked.push('the first look');
  await assert.rejects(createWebhookSender({ isAllowed, resolve })(target, 1, signal), /no address that webhooks/);
  assert.deepEqual(asked, ['the first look', '192.168.1.5']);
  // Of several addresses the one that is allowed is asked, and no other.
  const both = async () => ['10.0.0.1', '127.0.0.1'].map((address) => ({ address, family: 4 }));
  const here = createWebhookSender({ isAllowed: (address) => address === '127.0.0.1', resolve: both });
  const sent = here(target, 1, signal);
  (await told.next()).answer(204);
  assert.equal(await sent, 204);
});

test('refuses an address with a password or that no webhook may lie at, and a secret that is too short', async (t) => {
  const pool = await startTestPool(t);
  const base = { service: LLM, model: 'test/echo', input: 'x' };
  for (const [webhook, param] of [
    [{ url: 'http://a:b@hook.test/', secret: SECRET }, 'webhook.url'],
    [{ url: 'http://localhost:3000/hook', secret: SECRET }, 'webhook.url'],
    [{ url: 'http://dev.localhost/hook', secret: SECRET }, 'webhook.url'],
    [{ url: 'http://127.0.0.1:3000/hook', secret: SECRET }, 'webhook.url'],
    [{ url: 'http://[::ffff:169.254.169.254]/', secret: SECRET }, 'webhook.url'],
    [{ url: 'ftp://hook.test/', secret: SECRET }, 'webhook.url'],
    [{ url: 'http://hook.test/', secret: 'short' }, 'webhook.secret'],
  ] as const) {
    const { body } = await ask<ErrorBody>(pool, '/v1/jobs', { ...base, webhook });
    assert.deepEqual([body.code, body.error?.param], ['invalid_value', param]);
  }
});

test('the receiver of docs/jobs.md works as it stands, and knows what was not sent by the relay', async (t) => {
  const page = readFileSync(new URL('../../../../docs/jobs.md', import.meta.url), 'utf8');
  const code = /```js\n([\s\S]*?)```/.exec(page)?.[1] ?? assert.fail('no example');
  const env = { ...process.env, SECRET, PORT: '0' };
  const receiver = spawn(process.execPath, ['--input-type=module', '--eval', code], { env });
  afterTest(t, () => receiver.kill());
  const lines = createInterface({ input: receiver.stdout })[Symbol.asyncIterator]();
  const url = String((await lines.next()).value);
  const pool = await startTestPool(t, { webhooksToThisMachine: true });
  await pool.addNode();
  const forged = {
    'webhook-id': 'x',
    'webhook-timestamp': `${Math.floor(Date.now() / 1_000)}`,
    'webhook-signature': 'v1,x',
  };
  assert.equal((await fetch(url, { method: 'POST', headers: forged, body: '{}' })).status, 401);
  const { id } = await submit(pool, { webhook: { url, secret: SECRET } });
  assert.equal((await lines.next()).value, `${id} succeeded`);
});

test('a receiver that never answers keeps nobody waiting but its own key, and a relay that ends does not wait for it', async (t) => {
  const { told: silent, url: silentUrl } = await startReceiver(t);
  const { told, url } = await startReceiver(t);
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  const pool = await startPool({ log, webhooksToThisMachine: true });
  afterTest(t, pool.close);
  const cancelled = async (client: JobClient, address: string): Promise<void> => {
    const { id } = await submit(client, { webhook: { url: address, secret: SECRET } });
    await client.request(`/v1/jobs/${id}/cancel`, { method: 'POST' });
  };
  const slow = Array.from({ length: 80 }, () => cancelled(pool, silentUrl));
  await Promise.all(slow);
  await silent.next();
  await cancelled(jobClient(pool, pool.relay.adminToken), url);
  (await told.next()).answer(204);
  // None has timed out: the other's word came past them.
  assert.deepEqual(
    lines.filter((line) => line.includes('webhook')),
    [],
  );
  assert.ok(silent.all.length <= 8, `${silent.all.length} at once`);
  await pool.relay.close();
  // What was broken off counts as no try; the next relay sends it again.
  assert.deepEqual(
    lines.filter((line) => line.includes('webhook')),
    [],
  );
});

test('is tried for five to eight hours', () => {
  const hours = (random: number): number =>
    Array.from({ length: MOST_TRIES - 1 }, (_, tries) => delayOf(tries, random)).reduce((sum, ms) => sum + ms, 0) /
    3_600_000;
  assert.ok(hours(0) > 5 && hours(0.999) < 8, `${hours(0)} to ${hours(0.999)}`);
});

test('waits longer after each failure, up to an hour and a half', () => {
  const delays = Array.from({ length: 20 }, (_, tries) => delayOf(tries, 0));
  assert.deepEqual(delays.slice(0, 3), [1_000, 2_000, 4_000]);
  assert.equal(Math.max(...delays), 3_600_000);
  assert.ok(delayOf(30, 0.999) < 5_400_000);
  assert.ok(Number.isInteger(delayOf(0, 0.123_456)));
});
