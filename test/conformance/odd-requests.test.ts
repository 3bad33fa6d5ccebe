import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { assertError } from '../support/error-answers.ts';
import { dial, exchange, requestBytes } from '../support/network/raw-http.ts';
import { startPool } from '../support/pool.ts';

const pool = await startPool();
after(() => pool.close());

const WEBSOCKET = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
];

test('a request that expects what nobody knows of is served without it', async () => {
  const known = await exchange(pool, requestBytes(pool, { path: '/v1/models', headers: ['Expect: miracles'] }));
  assert.equal(known.status, 200);
  const unknown = await exchange(pool, requestBytes(pool, { path: '/nowhere', headers: ['Expect: miracles'] }));
  assertError(unknown, { code: 'unknown_url' });
});

test('a QUERY is refused by its method, also where it has no media type', async () => {
  const bare = await exchange(pool, requestBytes(pool, { method: 'QUERY', path: '/v1/models' }));
  assertError(bare, { code: 'method_not_allowed' });
  const headers = ['Content-Type: application/json'];
  const typed = await exchange(pool, requestBytes(pool, { method: 'QUERY', path: '/v1/models', headers, body: '{}' }));
  assertError(typed, { code: 'method_not_allowed' });
});

test('a WebSocket where there is none is refused in the shape of all errors, with its request id', async () => {
  for (const path of ['/v1/models', '/nats/x', '//relay:99999/v1/ws', 'http://[::1']) {
    const headers = [...WEBSOCKET, 'X-Request-Id: mine-7'];
    const answer = await exchange(pool, requestBytes(pool, { path, headers }));
    assertError(answer, { code: 'unknown_url' });
    assert.equal(answer.headers.get('x-request-id'), 'mine-7');
  }
});

test('a WebSocket that is not opened as one is refused in the shape of all errors, with what would be right', async () => {
  const { apiKey, adminToken } = pool.relay;
  const ask = (path: string, method: string, headers = WEBSOCKET) =>
    exchange(pool, String(requestBytes(pool, { method, path, headers })).replace(apiKey, adminToken));
  for (const path of ['/v1/ws', '/nats']) {
    const posted = await ask(path, 'PROPFIND');
    assertError(posted, { code: 'method_not_allowed' });
    assert.equal(posted.headers.get('allow'), 'GET');
    const ofHead = await ask(path, 'HEAD');
    assert.deepEqual([ofHead.status, ofHead.body], [405, '']);
  }
  const old = WEBSOCKET.map((line) => line.replace('Version: 13', 'Version: 7'));
  const outdated = await ask('/v1/ws', 'GET', old);
  assertError(outdated, { code: 'malformed_request' });
  assert.equal(outdated.headers.get('sec-websocket-version'), '13');
});

test('a HEAD that is broken is answered without a body', async () => {
  const answer = await exchange(pool, requestBytes(pool, { method: 'HEAD', path: `/${'x'.repeat(20_000)}` }));
  assert.deepEqual([answer.status, answer.body], [431, '']);
  assert.ok(Number(answer.headers.get('content-length')) > 0);
});

test('what follows a HEAD and is no request is answered with a body where the HEAD has its answer, and else as a HEAD', async () => {
  const ask = async (path: string): Promise<string> => {
    const head = requestBytes(pool, { method: 'HEAD', path, headers: ['Connection: keep-alive'] });
    const socket = dial(pool);
    socket.write(`${head}{"a":1}`);
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    return text;
  };
  const [ofHead = '', broken = ''] = (await ask('/nowhere')).split(/(?=HTTP\/1\.1 400 )/);
  assert.match(ofHead, /^HTTP\/1\.1 404 /);
  const [, body = ''] = broken.split('\r\n\r\n');
  assert.match(broken, new RegExp(`^content-length: ${body.length}\r$`, 'm'));
  assert.equal((JSON.parse(body) as { code: string }).code, 'malformed_request');
  assert.match(await ask('/v1/health'), /^HTTP\/1\.1 400 [^{]+\r\n\r\n$/);
});

test('a request without a Host is refused in the shape of all errors, but for HTTP/1.0, which knows none', async () => {
  const ask = (version: string, path: string) =>
    exchange(pool, `GET ${path} HTTP/${version}\r\nConnection: close\r\nX-Request-Id: mine-8\r\n\r\n`);
  for (const path of ['/v1/health', '/v1/models', '/nowhere']) {
    const answer = await ask('1.1', path);
    assertError(answer, { code: 'malformed_request' });
    assert.equal(answer.headers.get('x-request-id'), 'mine-8');
  }
  assert.equal((await ask('1.0', '/v1/health')).status, 200);
});

test('a request with two Hosts is refused before anything is read of it, whatever they say', async () => {
  for (const [version, hosts] of [
    ['1.1', 'Host: a.example\r\nHost: b.example'],
    ['1.1', 'Host: a.example\r\nAccept: */*\r\nhOsT: a.example'],
    ['1.0', 'host: a.example\r\nHost: '],
  ] as const) {
    for (const head of ['GET /v1/health', 'POST /v1/chat/completions', 'GET /nowhere']) {
      const answer = await exchange(pool, `${head} HTTP/${version}\r\n${hosts}\r\nConnection: close\r\n\r\n`);
      assertError(answer, { code: 'malformed_request', message: /more than one Host/ });
    }
  }
  const upgrade = [...WEBSOCKET, `Authorization: Bearer ${pool.relay.adminToken}`];
  for (const path of ['/v1/ws', '/nats']) {
    for (const hosts of ['Host: a\r\nHost: b\r\n', '']) {
      const answer = await exchange(pool, `GET ${path} HTTP/1.1\r\n${hosts}${upgrade.join('\r\n')}\r\n\r\n`);
      assertError(answer, { code: 'malformed_request', message: /Host/ });
    }
  }
  const one = await exchange(pool, 'GET /v1/health HTTP/1.1\r\nX-Host: b\r\nhost: a\r\nConnection: close\r\n\r\n');
  assert.equal(one.status, 200);
});

test('a body that is not UTF-8 is refused, and not read as another text', async () => {
  const [before = '', after = ''] = JSON.stringify({
    model: 'test/echo',
    messages: [{ role: 'user', content: 'caf?' }],
  }).split('?');
  for (const bytes of [[0xe9], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xff, 0xfe]]) {
    for (const path of ['/v1/chat/completions', '/v1/messages', '/v1/jobs']) {
      const response = await pool.request(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]),
      });
      assert.deepEqual([path, response.status], [path, 400]);
      assert.match(await response.text(), /invalid_json/);
    }
  }
});

test('a body that is nested without end, or holds half a character or an endless number, is refused where any form is taken', async () => {
  const deep = `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`;
  const half = '"\\udfff\\ud800"';
  for (const member of [deep, half, '[1e999]']) {
    const bodies = {
      '/v1/capability/ocr': `{"image":${member}}`,
      '/v1/jobs': `{"service":"llm/inference","model":"test/noop","input":{"messages":${member}}}`,
      '/v1/services/llm%2Finference': `{"prompt":${member}}`,
      '/v1/chat/completions': `{"model":"test/noop","stream":true,"messages":[{"role":"user","content":"hi","name":${member}}]}`,
      '/v1/completions': `{"model":"test/noop","prompt":"hi","suffix":${member}}`,
      '/v1/embeddings': `{"model":"test/vectors","input":${member}}`,
      '/v1/rerank': `{"model":"test/vectors","query":"a","documents":[${member}]}`,
    };
    for (const [path, body] of Object.entries(bodies)) {
      const headers = ['Content-Type: application/json'];
      const answer = await exchange(pool, requestBytes(pool, { method: 'POST', path, headers, body }));
      assertError(answer, { code: 'invalid_value' });
    }
  }
});
