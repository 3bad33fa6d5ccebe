import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startPool } from '../support/pool.ts';

const PAGE = 'http://localhost:5173';
const pool = await startPool({ corsOrigins: [PAGE, 'app://notes'] });
after(() => pool.close());
await pool.addNode();

const CHAT = '/v1/chat/completions';
const ASK = { model: 'test/noop', messages: [{ role: 'user', content: 'x' }] };

function ask(origin: string, body: object, path = CHAT): Promise<Response> {
  const headers = { origin, 'content-type': 'application/json' };
  return pool.request(path, { method: 'POST', headers, body: JSON.stringify(body) });
}

function preflight(origin: string, path: string, wanted = 'authorization,content-type,x-stainless-os') {
  const headers = {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': wanted,
  };
  return fetch(`${pool.relay.url}${path}`, { method: 'OPTIONS', headers });
}

const allowedOf = ({ headers }: Response): string | null => headers.get('access-control-allow-origin');

test('[X19] a page of an origin that the operator named reads whole answers, streams and errors', async () => {
  for (const [body, status] of [
    [ASK, 200],
    [{ ...ASK, stream: true }, 200],
    [{ ...ASK, model: 'test/none' }, 404],
    [{ ...ASK, temperature: 9 }, 400],
  ] as const) {
    const answer = await ask(PAGE, body);
    assert.deepEqual([answer.status, allowedOf(answer)], [status, PAGE]);
    assert.deepEqual(
      [answer.headers.get('vary'), answer.headers.get('access-control-expose-headers')],
      ['origin', '*'],
    );
    assert.equal(answer.headers.get('access-control-allow-credentials'), null);
    await answer.text();
  }
  const without = await fetch(`${pool.relay.url}/v1/models`, { headers: { origin: 'app://notes' } });
  assert.deepEqual([without.status, allowedOf(without)], [401, 'app://notes']);
});

test('[X19] its browser is told before what it may send, with any headers that the official client adds', async () => {
  const answer = await preflight(PAGE, `${CHAT}?x=1`);
  assert.deepEqual([answer.status, allowedOf(answer)], [204, PAGE]);
  assert.equal(answer.headers.get('access-control-allow-methods'), 'POST');
  assert.equal(answer.headers.get('access-control-allow-headers'), 'authorization,content-type,x-stainless-os');
  assert.equal(answer.headers.get('access-control-max-age'), '600');
  assert.equal((await preflight(PAGE, CHAT, 'a: b')).headers.get('access-control-allow-headers'), null);
});

test('[X19] pages of other origins get no leave, and none gets it for what wants no key of a client', async () => {
  for (const origin of ['http://localhost:5174', 'https://localhost:5173', 'null', `${PAGE}.example`, 'APP://notes']) {
    assert.equal(allowedOf(await ask(origin, ASK)), null, origin);
    assert.equal(allowedOf(await preflight(origin, CHAT)), null, origin);
  }
  for (const path of [
    '/v1/admin/keys',
    '/v1/admin/session',
    '/v1/nodes/enroll',
    '/v1/miners/register',
    '/v1/nothing',
  ]) {
    assert.equal(allowedOf(await preflight(PAGE, path)), null, path);
    assert.equal(allowedOf(await ask(PAGE, {}, path)), null, path);
  }
  assert.equal((await ask('app://notes', {}, '/mcp')).status, 403, 'tools are for programs and the pages of the relay');
});

test('[X19] a star lets every page in', async (t) => {
  const open = await startPool({ corsOrigins: ['*'] });
  t.after(() => open.close());
  const answer = await open.request('/v1/models', { headers: { origin: 'https://anywhere.example' } });
  assert.deepEqual([answer.status, allowedOf(answer), answer.headers.get('vary')], [200, '*', null]);
});
