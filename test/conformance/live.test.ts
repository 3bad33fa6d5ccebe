import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Value } from 'typebox/value';
import { LIVE_CLOSE, LiveMessage } from '../../shared/api/live.ts';
import { type LiveLine, openLive, signIn } from '../support/operator.ts';
import { startPool } from '../support/pool.ts';

const pool = await startPool();
after(() => pool.close());
const { url, adminToken, apiKey } = pool.relay;
const ADMIN = { authorization: `Bearer ${adminToken}` };

/** Reads until a message is as wanted; every one of them must be as documented. */
async function nextThat(line: LiveLine, isIt: (message: LiveMessage) => boolean): Promise<LiveMessage> {
  for (;;) {
    const message = await line.messages.next();
    assert.ok(Value.Check(LiveMessage, message), JSON.stringify(message));
    if (isIt(message)) return message;
  }
}

function numberOf({ cursor }: LiveMessage): number {
  return Number(cursor.split('.')[1]);
}

const tellsOfNode = (id: string) => (message: LiveMessage) => message.nodes.some((node) => node.id === id);
const tellsOfJob = (id: string) => (message: LiveMessage) =>
  message.type === 'update' && message.jobs.some(({ job, state }) => job === id && state === 'succeeded');

test('lets in a session of this origin and a program with the admin token, and nobody else', async (t) => {
  const cookie = await signIn(pool);
  for (const headers of [{ cookie, origin: url }, ADMIN]) {
    const { type } = await (await openLive(t, pool, headers)).messages.next();
    assert.equal(type, 'reset');
  }
  await assert.rejects(openLive(t, pool, {}), /status 401/);
  await assert.rejects(openLive(t, pool, { authorization: `Bearer ${apiKey}` }), /status 403/);
  await assert.rejects(openLive(t, pool, { cookie }), /status 403/);
  await assert.rejects(openLive(t, pool, { cookie, origin: 'https://evil.example' }), /status 403/);
  await assert.rejects(openLive(t, pool, { ...ADMIN, origin: 'https://evil.example' }), /status 403/);
  const wrongPath = new Promise<number | undefined>((resolve, reject) => {
    import('node:http').then(({ get }) =>
      get(`${url}/v1/other`, { headers: { connection: 'Upgrade', upgrade: 'websocket' } }, (answer) =>
        resolve(answer.statusCode),
      ).on('error', reject),
    );
  });
  assert.equal(await wrongPath, 404);
});

test('tells of nodes that come and of jobs that end, and whoever comes back has missed nothing', async (t) => {
  const line = await openLive(t, pool, ADMIN);
  const first = await line.messages.next();
  const { nodeId, agent } = await pool.addNode({ name: 'attic' });
  const arrival = await nextThat(line, tellsOfNode(nodeId));
  line.close();
  await line.closed;

  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      service: 'llm/inference',
      model: 'test/echo',
      input: { messages: [{ role: 'user', content: 'x' }] },
    }),
  };
  const { id } = (await (await pool.request('/v1/jobs', init)).json()) as { id: string };
  const again = await openLive(t, pool, ADMIN, arrival.cursor);
  const missed = await again.messages.next();
  assert.equal(missed.type, 'update');
  assert.equal(numberOf(missed), numberOf(arrival) + 1);
  if (!tellsOfJob(id)(missed)) await nextThat(again, tellsOfJob(id));

  const fromStart = await openLive(t, pool, ADMIN, first.cursor);
  const all = [await fromStart.messages.next()];
  while (all.at(-1)?.type === 'update' && numberOf(all.at(-1) as LiveMessage) < numberOf(missed)) {
    all.push(await fromStart.messages.next());
  }
  assert.deepEqual(
    all.map(numberOf),
    all.map((_, i) => numberOf(first) + 1 + i),
  );
  await agent.close();
  await nextThat(again, (message) => message.nodes.some(({ status }) => status === 'offline'));
});

test('begins anew for a cursor it does not know', async (t) => {
  for (const after of ['another-run.3', 'x', `${'9'.repeat(20)}`]) {
    const { type } = await (await openLive(t, pool, ADMIN, after)).messages.next();
    assert.equal(type, 'reset', after);
  }
});

test('cuts the line of a session when its operator signs out', async (t) => {
  const cookie = await signIn(pool);
  const headers = { cookie, origin: url };
  const line = await openLive(t, pool, headers);
  await line.messages.next();
  await fetch(`${url}/v1/admin/session`, { method: 'DELETE', headers });
  assert.equal(await line.closed, LIVE_CLOSE.signedOut);
});
