import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import pino from 'pino';
import { assertError } from '../support/error-answers.ts';
import { dial, exchange, type RawRequest, requestBytes } from '../support/network/raw-http.ts';
import { startPool } from '../support/pool.ts';
import { until } from '../support/until.ts';

const logged: { level: number; msg: string }[] = [];
const log = pino({ level: 'debug' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
const pool = await startPool({ log });
after(() => pool.close());
await pool.addNode();

const BODY = '{"model":"test/noop","messages":[{"role":"user","content":"a secret thought"}]}';
const JSON_TYPE = 'Content-Type: application/json';
const CHAT: RawRequest = { method: 'POST', path: '/v1/chat/completions', headers: [JSON_TYPE], body: BODY };

const send = (request: RawRequest) => exchange(pool, requestBytes(pool, request));

test('[X07] reads a POST without body and content type as one without a body, not as one of a wrong type', async () => {
  const answer = await send({ method: 'POST', path: '/v1/chat/completions', body: '' });
  assertError(answer, { code: 'invalid_value', message: /must be a JSON object/ });
});

test('[X07] passes over the type of a body that there is not, as the openai client for Python names it with every request', async () => {
  for (const length of [['Content-Length: 0'], []]) {
    const headers = [JSON_TYPE, ...length];
    assertError(await send({ method: 'DELETE', path: '/v1/files/none', headers }), { code: 'file_not_found' });
    assertError(await send({ method: 'POST', path: '/v1/jobs/none/cancel', headers }), { code: 'job_not_found' });
    assert.equal((await send({ path: '/v1/models', headers })).status, 200);
  }
});

test('[X08] answers an unknown address with 404 unknown_url and does not repeat the query', async () => {
  for (const path of ['/nope', '/v1', '/v1/health/', '//v1/models', '/V1/models', '/v1/job', '/v1/jobs/a/b']) {
    const answer = await send({ path: `${path}?key=topsecret` });
    assertError(answer, {
      code: 'unknown_url',
      message: /There is nothing at GET .*\. \/openapi\.json lists what there is/,
    });
    assert.doesNotMatch((await send({ path: `${path}?key=topsecret` })).body, /topsecret/);
  }
});

test('[X08] says where to ask instead, to whoever forgot the /v1 or was written for another server', async () => {
  const base = "instead: the base URL of OpenAI's clients ends in /v1 here. ";
  const cases: [string, string, string][] = [
    ['POST', '/chat/completions', `Ask /v1/chat/completions ${base}`],
    ['POST', '/v1/v1/embeddings', `Ask /v1/embeddings ${base}`],
    ['GET', '/models', `Ask /v1/models ${base}`],
    ['POST', '/openai/deployments/gpt/chat/completions', `Ask /v1/chat/completions ${base}`],
    ['POST', '/openai/deployments/sparewatt/demo-embed/embeddings', `Ask /v1/embeddings ${base}`],
    ['POST', '//v1//chat/completions', 'Ask /v1/chat/completions instead. '],
    ['POST', '/v1/chat/completions/', 'Ask /v1/chat/completions instead. '],
    ['POST', '/openai/v1/chat/completions', `Ask /v1/chat/completions ${base}`],
    ['POST', '/responses', `Ask /v1/responses ${base}`],
    ['POST', '/v1/v1/messages', "Ask /v1/messages instead: the base URL of Anthropic's clients ends before /v1 here. "],
    ['POST', '/messages', "Ask /v1/messages instead: the base URL of Anthropic's clients ends before /v1 here. "],
    ['GET', '/api/tags', 'Ask /v1/models instead. '],
    ['POST', '/v1/moderations', ''],
    ['DELETE', '/chat/completions', ''],
  ];
  for (const [method, path, instead] of cases) {
    const answer = await send({ method, path });
    const { detail } = JSON.parse(answer.body) as { detail: string };
    assert.equal(detail, `There is nothing at ${method} ${path}. ${instead}/openapi.json lists what there is.`);
  }
});

test('[X08] answers a wrong method with 405 and the methods that are allowed', async () => {
  const cases: [string, string, string][] = [
    ['GET', '/v1/chat/completions', 'POST, OPTIONS'],
    ['HEAD', '/v1/embeddings', 'POST, OPTIONS'],
    ['DELETE', '/v1/models', 'GET, HEAD, OPTIONS'],
    ['PUT', '/v1/models/test/echo', 'GET, HEAD, OPTIONS'],
    ['PATCH', '/v1/jobs/x', 'DELETE, GET, HEAD, OPTIONS'],
    ['TRACE', '/v1/health', 'GET, HEAD, OPTIONS'],
    ['PROPFIND', '/v1/health', 'GET, HEAD, OPTIONS'],
  ];
  for (const [method, path, allow] of cases) {
    const answer = await send({ method, path });
    assert.equal(answer.headers.get('allow'), allow, `${method} ${path}`);
    if (method === 'HEAD') assert.deepEqual([answer.status, answer.body], [405, '']);
    else assertError(answer, { code: 'method_not_allowed' });
  }
});

test('[X08] tells a wrong address or method before what is wrong with the body', async () => {
  for (const body of ['', '{broken', '{"half":"\\ud800"}', 'x'.repeat(5 * 1024 * 1024)]) {
    const wrong = await send({ method: 'POST', path: '/v1/nope', headers: [JSON_TYPE], body });
    assertError(wrong, { code: 'unknown_url' });
    const method = await send({ method: 'DELETE', path: '/v1/models', headers: [JSON_TYPE], body });
    assertError(method, { code: 'method_not_allowed' });
    assert.equal(method.headers.get('allow'), 'GET, HEAD, OPTIONS');
  }
  const xml = await send({
    method: 'POST',
    path: '/v1/nope',
    headers: ['Content-Type: application/xml'],
    body: '<a/>',
  });
  assertError(xml, { code: 'unknown_url' });
  assert.equal((await send({ method: 'OPTIONS', path: '/v1/models', headers: [JSON_TYPE], body: '' })).status, 204);
});

test('answers HEAD as GET without the body', async () => {
  for (const path of ['/v1/models', '/v1/models/test/echo', '/v1/health', '/openapi.json']) {
    const [head, get] = [await send({ method: 'HEAD', path }), await send({ path })];
    assert.deepEqual([head.status, head.body], [200, '']);
    assert.equal(head.headers.get('content-type'), get.headers.get('content-type'));
  }
});

test('[X19] answers OPTIONS with what is allowed, and lets no other origin in', async () => {
  const headers = ['Origin: https://elsewhere.example', 'Access-Control-Request-Method: POST'];
  const answer = await send({ method: 'OPTIONS', path: '/v1/chat/completions', headers });
  assert.deepEqual([answer.status, answer.body, answer.headers.get('allow')], [204, '', 'POST, OPTIONS']);
  assert.equal(answer.headers.get('access-control-allow-origin'), null);
  assert.ok(answer.headers.get('x-request-id'));
});

test('[X09] gives every answer a request id, and keeps the one of the client when it is one', async () => {
  for (const [given, kept] of [
    ['my-id_1.2', true],
    ['x'.repeat(128), true],
    ['x'.repeat(129), false],
    ['has space', false],
    ['a/b', false],
    ['{"a":1}', false],
    ['', false],
  ] as const) {
    for (const request of [CHAT, { path: '/v1/models' }, { path: '/nope' }, { method: 'PUT', path: '/v1/health' }]) {
      const answer = await send({ ...request, headers: [...(request.headers ?? []), `X-Request-Id: ${given}`] });
      const id = answer.headers.get('x-request-id') ?? '';
      if (kept) assert.equal(id, given);
      else assert.match(id, /^req_\w{24}$/);
    }
  }
  const twice = await send({ path: '/v1/health', headers: ['X-Request-Id: a', 'X-Request-Id: b'] });
  assert.match(twice.headers.get('x-request-id') ?? '', /^req_/);
});

test('answers bytes that are no HTTP request in the one shape of all errors', async () => {
  const broken = [
    'hello\r\n\r\n',
    'BREW /v1/models HTTP/1.1\r\nHost: x\r\n\r\n',
    `POST ${CHAT.path} HTTP/1.1\r\nHost: x\r\n${JSON_TYPE}\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
    `POST ${CHAT.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'GET /v1/models HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n',
  ];
  for (const bytes of broken) assertError(await exchange(pool, bytes), { code: 'malformed_request' });
});

test('answers a head that is too large with 431', async () => {
  assertError(await send({ path: '/v1/health', headers: [`X-Long: ${'x'.repeat(20_000)}`] }), {
    code: 'headers_too_large',
  });
  assertError(await send({ path: `/v1/models/${'x'.repeat(20_000)}` }), { code: 'headers_too_large' });
});

test('answers a broken escape with 400, and an address that is too long with 404', async () => {
  for (const path of ['/v1/models/%', '/v1/models/%zz', '/v1/models/%ff', '/v1/jobs/%E0%A4%A', '/%']) {
    assertError(await send({ path }), { code: 'malformed_request', message: /broken escape/ });
  }
  assertError(await send({ path: `/v1/jobs/${'x'.repeat(200)}` }), { code: 'unknown_url' });
  assertError(await send({ path: `/v1/jobs/${'x'.repeat(80)}` }), { code: 'invalid_value', param: 'id' });
});

test('takes strange but legal headers', async () => {
  for (const headers of [
    ['CONTENT-TYPE: Application/JSON; Charset=UTF-8'],
    [JSON_TYPE, 'Content-Type: text/plain'],
    [JSON_TYPE, 'Accept-Version: 2'],
    [JSON_TYPE, 'Authorization: Bearer sk-second'],
    [JSON_TYPE, 'Accept: application/xml'],
    // Java's client offers HTTP/2 this way with every request.
    [
      JSON_TYPE,
      'Connection: Upgrade, HTTP2-Settings, close',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAAQBAAAAAAIAAAAA',
    ],
  ]) {
    const answer = await send({ ...CHAT, headers });
    assert.equal(answer.status, 200, `${headers.join(', ')}: ${answer.body}`);
  }
});

test('takes several requests on one connection', async () => {
  const one = requestBytes(pool, { ...CHAT, headers: [JSON_TYPE, 'Connection: keep-alive'] });
  const answer = await exchange(pool, one + one + requestBytes(pool, CHAT));
  assert.equal(answer.body.match(/"chat\.completion"/g)?.length, 3);
});

test('does not log a client that hangs up in the middle of its request as a fault', async () => {
  const socket = dial(pool);
  const half = requestBytes(pool, { ...CHAT, headers: [JSON_TYPE, 'X-Request-Id: hung-up'] }).slice(0, -10);
  await new Promise<void>((resolve) => socket.write(half, () => resolve()));
  await until(async () => (await pool.request('/v1/health')).ok);
  socket.resetAndDestroy();
  await until(async () => (await pool.request('/v1/models')).ok);
  assert.deepEqual(
    logged.filter(({ level }) => level >= 50),
    [],
  );
});

test('logs neither prompts nor keys', () => {
  const text = JSON.stringify(logged);
  assert.ok(logged.length > 0);
  for (const secret of ['secret thought', pool.relay.apiKey, pool.relay.adminToken, 'topsecret', 'sk-second']) {
    assert.ok(!text.includes(secret), secret);
  }
});
