import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { ProblemCode } from '../../shared/problems/table.ts';
import { assertError } from '../support/error-answers.ts';
import { dial, type RawAnswer, readAnswer, requestBytes } from '../support/network/raw-http.ts';
import { startPool } from '../support/pool.ts';

const STALL_MS = 100;
const STRANGER_MS = 200;
const LARGEST = 1024 * 1024;
/** More than the buffers of a connection hold: whoever does not read it stops the client. */
const BODY = Buffer.alloc(16 * LARGEST, 'x');
const pool = await startPool({
  maxBodyBytes: LARGEST,
  strangerMs: STRANGER_MS,
  fileLimits: { mostFileBytes: LARGEST, stallMs: STALL_MS, leastFreeBytes: 0 },
});
after(() => pool.close());

const KEY = `Authorization: Bearer ${pool.relay.apiKey}`;
const LENGTH = `Content-Length: ${BODY.length}`;
const JSON_BODY = 'Content-Type: application/json';
const FORM = 'Content-Type: multipart/form-data; boundary=b';
const FORM_BODY = Buffer.concat([Buffer.from('--b\r\ncontent-disposition: form-data; name="file"\r\n\r\n'), BODY]);
const FORM_LENGTH = `Content-Length: ${FORM_BODY.length}`;

/** One that does not read before it has written everything, as simple clients are. */
async function sendThenRead(lines: string[], body: Buffer): Promise<RawAnswer> {
  const socket = dial(pool).pause();
  const sent = Promise.withResolvers<void>();
  socket.on('error', sent.reject);
  socket.write(`${lines.join('\r\n')}\r\n`);
  socket.write(body, () => sent.resolve());
  await sent.promise;
  return await readAnswer(socket);
}

const REFUSALS: [string, ProblemCode, string[], Buffer][] = [
  ['a JSON body that says it is too large', 'body_too_large', ['POST /v1/jobs', KEY, JSON_BODY, LENGTH], BODY],
  ['a body without a key', 'invalid_api_key', ['POST /v1/jobs', JSON_BODY, LENGTH], BODY],
  ['a file that says it is too large', 'file_too_large', ['POST /v1/files', KEY, LENGTH], BODY],
  ['a form that turns out too large', 'file_too_large', ['POST /v1/files', KEY, FORM, FORM_LENGTH], FORM_BODY],
];
for (const [what, code, [line, ...headers], body] of REFUSALS) {
  test(`whoever sends ${what} comes to read why, also on a connection that ends with the answer`, async () => {
    for (const [version, ...more] of [['1.1', 'Connection: close'], ['1.0']]) {
      const answer = await sendThenRead([`${line} HTTP/${version}`, 'Host: relay', ...headers, ...more, ''], body);
      assertError(answer, { code });
    }
  });
}
for (const [what, , [line, ...headers], body] of REFUSALS.slice(1)) {
  test(`a connection goes on once ${what} has come`, async () => {
    const bytes = Buffer.concat([body, Buffer.from(requestBytes(pool, { path: '/v1/health' }))]);
    const answers = await sendThenRead([`${line} HTTP/1.1`, 'Host: relay', ...headers, ''], bytes);
    assert.match(answers.body, /HTTP\/1\.1 200 OK/);
  });
}

for (const [line, code, most] of [
  ['POST /v1/nodes/enroll', 'body_too_large', 64 * 1024],
  ['POST /v1/pairing/challenge', 'body_too_large', 64 * 1024],
  ['POST /v1/pairing/complete', 'body_too_large', 64 * 1024],
  ['POST /v1/nodes/records', 'body_too_large', 64 * 1024],
  ['POST /v1/admin/session', 'body_too_large', 64 * 1024],
  ['POST /v1/miners/register', 'body_too_large', 256 * 1024],
  ['POST /v1/miners/result', 'invalid_api_key', 0],
  ['POST /nothing', 'unknown_url', 0],
  ['PUT /v1/models', 'method_not_allowed', 0],
] as const) {
  test(`${line} holds no more than ${most} bytes of a stranger, who is told before they come`, async () => {
    const head = [`${line} HTTP/1.1`, 'Host: relay', JSON_BODY, 'Connection: close'];
    const answer = await sendThenRead([...head, `Content-Length: ${most + 1}`, ''], Buffer.alloc(0));
    assertError(answer, { code });
  });
}

for (const rest of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
  test(`a stranger whose body does not come has the connection for a while and no longer (${rest})`, {
    timeout: 10_000,
  }, async () => {
    const socket = dial(pool).on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const lines = ['POST /v1/pairing/challenge HTTP/1.1', 'Host: relay', JSON_BODY, rest, '', '1'];
    socket.resume().write(lines.join('\r\n'));
    await closed;
  });
}

test('a head that is too large is answered to one who sends it whole before it reads', async () => {
  const answer = await sendThenRead(['GET / HTTP/1.1', 'Host: relay'], Buffer.from(`x: ${'x'.repeat(BODY.length)}`));
  assertError(answer, { code: 'headers_too_large' });
});

test('a client that sends nothing more of its file is told so', async () => {
  const socket = dial(pool);
  socket.write(
    ['POST /v1/files HTTP/1.1', 'Host: relay', 'Connection: close', KEY, 'Content-Length: 9', '', 'a part'].join(
      '\r\n',
    ),
  );
  assertError(await readAnswer(socket), { code: 'request_timeout' });
});
