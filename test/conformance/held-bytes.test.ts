import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, test } from 'node:test';
import { assertError, readError } from '../support/error-answers.ts';
import { dial, readAnswer } from '../support/network/raw-http.ts';
import { startPool, startTestPool } from '../support/pool.ts';
import { endOf, resultOf, submit } from '../support/queued-jobs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** The largest body, so that one of unknown length takes all of it. */
const MOST = 512 * 1024;
const pool = await startPool({ mostHeldBytes: MOST, maxBodyBytes: MOST });
after(() => pool.close());
const AUDIO_FORM = 'multipart/form-data; boundary=b';

type Begun = { path: string; key: string; rest: string; type?: string };

/** A request whose body has not come yet, but for its first byte. */
function begin({ path, key, rest, type = 'application/json' }: Begun, ...more: string[]): Socket {
  const socket = dial(pool).on('error', () => undefined);
  const head = [`POST ${path} HTTP/1.1`, 'Host: relay', `Authorization: Bearer ${key}`, `Content-Type: ${type}`];
  socket.write([...head, 'Connection: close', ...more, rest, '', '1'].join('\r\n'));
  return socket;
}

/** The same, once the relay has begun to read it. */
async function beginSlowly(request: Begun): Promise<Socket> {
  const socket = begin(request, 'Expect: 100-continue');
  await new Promise((resolve) => socket.once('data', resolve));
  return socket;
}

for (const [what, path, rest, type] of [
  ['a JSON body', '/v1/chat/completions', `Content-Length: ${MOST}`, 'application/json'],
  ['a body of unknown length', '/v1/jobs', 'Transfer-Encoding: chunked', 'application/json'],
  ['a recording', '/v1/audio/transcriptions', `Content-Length: ${MOST}`, AUDIO_FORM],
] as const) {
  test(`while ${what} of a key comes slowly, its other large bodies are refused, and no small ones, nor those of others`, async () => {
    const { apiKey, adminToken } = pool.relay;
    const large = { path: '/v1/jobs', rest: `Content-Length: ${MOST}` };
    const slow = await beginSlowly({ path, key: apiKey, rest, type });
    const answer = await readAnswer(begin({ ...large, key: apiKey }));
    assertError(answer, { code: 'queue_full' });
    assert.equal(answer.headers.get('retry-after'), '1');
    const small = await pool.request('/v1/jobs', { method: 'POST', headers: { 'content-type': 'text/x' }, body: '1' });
    assert.equal(small.status, 415);
    const other = begin({ ...large, key: adminToken });
    other.end(' '.repeat(MOST - 1));
    assertError(await readAnswer(other), { code: 'invalid_value' });
    slow.destroy();
  });
}

test('a result that is more than its key has room for is refused, and not built', async (t) => {
  const dataFolder = temporaryFolder(t);
  const before = await startTestPool(t, { dataFolder });
  await before.addNode();
  const input = { messages: [{ role: 'user', content: 'x'.repeat(MOST) }] };
  const { id } = await submit(before, { model: 'test/echo', input });
  await endOf(before, id);
  await before.close();
  const after = await startTestPool(t, { dataFolder, mostHeldBytes: MOST });
  assertError(await readError(await resultOf(after, id)), { code: 'queue_full' });
  assert.equal((await after.request(`/v1/jobs/${id}`)).status, 200);
});
