import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { hash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import OpenAI from 'openai';
import { SIGNATURE_HEADERS, signatureOf } from '../../relay/access/request-signature.ts';
import type { ApiKeyList, CreatedKey } from '../../shared/api/keys.ts';
import type { ProblemCode } from '../../shared/problems/table.ts';
import { runSparewatt } from '../support/command.ts';
import { assertError, readError } from '../support/error-answers.ts';
import { startPool } from '../support/pool.ts';
import { askAsAdmin } from '../support/pool-admin.ts';

const run = promisify(execFile);
const pool = await startPool();
after(() => pool.close());
await pool.addNode();

const made = await makeKey({ hmac: true });
const BODY = JSON.stringify({ model: 'test/echo', messages: [{ role: 'user', content: 'one two' }] });

async function makeKey(order: object): Promise<Required<CreatedKey>> {
  const { status, body } = await askAsAdmin<CreatedKey>(pool, '/v1/admin/keys', { name: 'a signer', ...order });
  assert.equal(status, 201);
  return body as Required<CreatedKey>;
}

/** The headers that sign a request of a key. */
function sign(method: string, target: string, body = '', { key, signing_secret }: Required<CreatedKey> = made) {
  const timestamp = `${Math.floor(Date.now() / 1_000)}`;
  const parts = { method, target, timestamp, nonce: randomUUID(), digest: hash('sha256', body, 'hex') };
  return {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    [SIGNATURE_HEADERS.timestamp]: timestamp,
    [SIGNATURE_HEADERS.nonce]: parts.nonce,
    [SIGNATURE_HEADERS.digest]: parts.digest,
    [SIGNATURE_HEADERS.signature]: signatureOf(parts, signing_secret),
  };
}

const post = (headers: Record<string, string>, body: RequestInit['body'] = BODY): Promise<Response> =>
  fetch(`${pool.relay.url}/v1/chat/completions`, { method: 'POST', headers, body: body ?? null, duplex: 'half' });
const get = (target: string, headers: Record<string, string>): Promise<Response> =>
  fetch(`${pool.relay.url}${target}`, { headers });

async function assertRefused(response: Response, code: ProblemCode): Promise<void> {
  assertError(await readError(response), { code });
  assert.equal(response.status, 401);
}

test('a file is uploaded signed, whole and as it was signed or not at all', async () => {
  const target = '/v1/files?purpose=user_data';
  const content = 'x'.repeat(300_000);
  const upload = (headers: Record<string, string>, body: string): Promise<Response> =>
    fetch(`${pool.relay.url}${target}`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/octet-stream' },
      body,
    });
  const answer = await upload(sign('POST', target, content), content);
  assert.equal(answer.status, 200);
  const { id, bytes } = (await answer.json()) as { id: string; bytes: number };
  assert.equal(bytes, content.length);
  const path = `/v1/files/${id}/content`;
  assert.equal(await (await get(path, sign('GET', path))).text(), content);
  await assertRefused(await upload(sign('POST', target, content), `${content.slice(1)}y`), 'body_altered');
  await assertRefused(await upload(sign('POST', target, content), ''), 'body_altered');
  const listed = (await (await get('/v1/files', sign('GET', '/v1/files'))).json()) as { data: unknown[] };
  assert.equal(listed.data.length, 1);
});

test('a signed request is answered, with or without a body, and its nonce is in the receipt', async () => {
  assert.equal((await get('/v1/models', sign('GET', '/v1/models'))).status, 200);
  assert.equal((await get('/v1/jobs?limit=1', sign('GET', '/v1/jobs?limit=1'))).status, 200);
  const headers = sign('POST', '/v1/chat/completions', BODY);
  const response = await post(headers);
  assert.equal(response.status, 200);
  const path = `/v1/jobs/${response.headers.get('x-sparewatt-job')}/receipt`;
  const receipt = JSON.stringify(await (await get(path, sign('GET', path))).json());
  assert.ok(receipt.includes(headers[SIGNATURE_HEADERS.nonce] ?? 'no nonce'));
});

test('the commands sign what they ask when they are given the secret', async () => {
  const env = { SPAREWATT_API_KEY: made.key, SPAREWATT_RELAY: pool.relay.url };
  const signing = { ...env, SPAREWATT_SIGNING_SECRET: made.signing_secret };
  const file = join(pool.dataFolder, 'signed-receipt.json');
  const chat = ['chat', 'one two', '--model', 'test/echo', '--receipt', file];
  const [signed, unsigned] = await Promise.all([runSparewatt(chat, { env: signing }), runSparewatt(chat, { env })]);
  assert.equal(signed.code, 0, signed.stderr);
  assert.match(signed.stdout, /^one two/);
  assert.match(readFileSync(file, 'utf8'), /"nonce": "[0-9a-f-]{36}"/);
  assert.notEqual(unsigned.code, 0);
  assert.match(unsigned.stderr, /signature_required/);
  const job = ['jobs', 'submit', 'llm/inference', 'three', '--model', 'test/echo', '--json'];
  const submitted = await runSparewatt([...job, '--signing-secret', made.signing_secret], { env });
  assert.match(submitted.stdout, /"id":"job_/, submitted.stderr);
});

test('a key that must sign is refused without, whatever it asks', async () => {
  const bare = { authorization: `Bearer ${made.key}`, 'content-type': 'application/json' };
  await assertRefused(await get('/v1/models', bare), 'signature_required');
  await assertRefused(await post(bare), 'signature_required');
  await assertRefused(await get('/v1/models', { 'x-api-key': made.key }), 'signature_required');
  await assert.rejects(pool.client({ apiKey: made.key }).models.list(), OpenAI.AuthenticationError);
});

test('a request that comes a second time is refused, and costs no job', async () => {
  const headers = sign('POST', '/v1/chat/completions', BODY);
  const answers = await Promise.all([post(headers), post(headers), post(headers)]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 401, 401]);
  await assertRefused(await post(headers), 'nonce_repeated');
});

test('a body that is not the signed one is refused before anything is made of it', async () => {
  const altered = BODY.replace('one two', 'one 2wo');
  assert.equal(altered.length, BODY.length);
  for (const body of [altered, '{', `${BODY} `, BODY.slice(1)]) {
    await assertRefused(await post(sign('POST', '/v1/chat/completions', BODY), body), 'body_altered');
  }
  const inPieces = new Blob([altered]).stream();
  await assertRefused(await post(sign('POST', '/v1/chat/completions', BODY), inPieces), 'body_altered');
  await assertRefused(await post(sign('POST', '/v1/chat/completions', BODY), ''), 'body_altered');
  const whole = new Blob([BODY]).stream();
  assert.equal((await post(sign('POST', '/v1/chat/completions', BODY), whole)).status, 200);
});

test('a signature for another path, query, method or key is refused', async () => {
  await assertRefused(await get('/v1/models', sign('GET', '/v1/jobs')), 'signature_invalid');
  await assertRefused(await get('/v1/jobs?limit=2', sign('GET', '/v1/jobs?limit=1')), 'signature_invalid');
  await assertRefused(await get('/v1/models', sign('POST', '/v1/models')), 'signature_invalid');
  const other = await makeKey({ hmac: true });
  const borrowed = { ...sign('GET', '/v1/models', '', other), authorization: `Bearer ${made.key}` };
  await assertRefused(await get('/v1/models', borrowed), 'signature_invalid');
});

test('a secret is shown once, is in no file of the database, and passes to no key that need not sign', async () => {
  const plain = await makeKey({});
  assert.deepEqual([plain.hmac, plain.signing_secret], [false, undefined]);
  assert.equal((await get('/v1/models', { authorization: `Bearer ${plain.key}` })).status, 200);
  const { body } = await askAsAdmin<ApiKeyList>(pool, '/v1/admin/keys');
  assert.equal(body.data.find(({ id }) => id === made.id)?.hmac, true);
  assert.ok(!JSON.stringify(body).includes(made.signing_secret));
  const files = readdirSync(pool.dataFolder).filter((name) => name.startsWith('sparewatt.sqlite'));
  assert.ok(files.length > 0);
  for (const name of files) {
    assert.ok(!readFileSync(join(pool.dataFolder, name)).includes(made.signing_secret.slice(8)), name);
  }
});

test('a rotated key signs as the old one did, or as the rotation says', async () => {
  const rotate = (id: string, order: object) =>
    askAsAdmin<Required<CreatedKey>>(pool, `/v1/admin/keys/${id}/rotate`, order);
  const { body: next } = await rotate((await makeKey({ hmac: true })).id, {});
  assert.equal((await get('/v1/models', sign('GET', '/v1/models', '', next))).status, 200);
  const { body: bound } = await rotate((await makeKey({})).id, { hmac: true });
  await assertRefused(await get('/v1/models', { authorization: `Bearer ${bound.key}` }), 'signature_required');
  assert.equal((await get('/v1/models', sign('GET', '/v1/models', '', bound))).status, 200);
});

/** The code of SECURITY.md in a language, as a reader would copy it. */
function exampleIn(language: string): string {
  const text = readFileSync(new URL('../../SECURITY.md', import.meta.url), 'utf8');
  return new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(text)?.[1] ?? assert.fail(`no ${language} example`);
}

const env = {
  ...process.env,
  SPAREWATT_RELAY: pool.relay.url,
  SPAREWATT_API_KEY: made.key,
  SPAREWATT_SIGNING_SECRET: made.signing_secret,
};

test('the example for Node works as it stands', async () => {
  const ask = `
    const body = ${JSON.stringify(BODY)};
    for (const call of [['GET', '/v1/jobs?limit=3'], ['POST', '/v1/chat/completions', body]])
      console.log((await signedFetch(...call)).status);`;
  const args = ['--input-type=module', '--eval', exampleIn('js') + ask];
  assert.equal((await run(process.execPath, args, { env })).stdout, '200\n200\n');
});

test('the example for Python works as it stands', async () => {
  const ask = `
for call in [("GET", "/v1/jobs?limit=3"), ("POST", "/v1/chat/completions", ${JSON.stringify(BODY)}.encode())]:
    print(urllib.request.urlopen(signed_request(*call)).status)`;
  assert.equal((await run('python3', ['-c', exampleIn('python') + ask], { env })).stdout, '200\n200\n');
});
