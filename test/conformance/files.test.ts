import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import OpenAI, { toFile } from 'openai';
import type { FileObject, FilePage } from '../../shared/api/files.ts';
import { startPool } from '../support/pool.ts';
import { until } from '../support/until.ts';

const LARGEST = 6 * 1024 * 1024;
const pool = await startPool({ fileLimits: { mostFileBytes: LARGEST, stallMs: 300, leastFreeBytes: 0 } });
after(() => pool.close());
const { client: clientOf, request } = pool;

const admin = { authorization: `Bearer ${pool.relay.adminToken}`, 'content-type': 'application/json' };

async function otherKey(): Promise<string> {
  const body = JSON.stringify({ name: 'other' });
  const answer = await request('/v1/admin/keys', { method: 'POST', headers: admin, body });
  return ((await answer.json()) as { key: string }).key;
}

function incoming(): string[] {
  return readdirSync(join(pool.dataFolder, 'files', 'incoming'));
}

async function upload(content: string, query = '', headers: Record<string, string> = {}) {
  const answer = await request(`/v1/files${query}`, { method: 'POST', body: content, headers });
  return {
    status: answer.status,
    body: (await answer.json()) as FileObject & { code?: string; error?: { param: string } },
  };
}

test('the official client uploads, lists, reads and deletes a file that is larger than a JSON body may be', async () => {
  const client = clientOf();
  const content = randomBytes(5 * 1024 * 1024);
  const file = await client.files.create({
    file: await toFile(content, 'mövie.bin', { type: 'video/mp4' }),
    purpose: 'user_data',
    expires_after: { anchor: 'created_at', seconds: 3_600 },
  });
  assert.equal(file.bytes, content.length);
  assert.equal(file.filename, 'mövie.bin');
  assert.equal(file.status, 'processed');
  assert.equal((file.expires_at ?? 0) - file.created_at, 3_600);
  assert.equal((file as unknown as FileObject).sha256, createHash('sha256').update(content).digest('hex'));
  assert.deepEqual(await client.files.retrieve(file.id), file);
  const listed: string[] = [];
  for await (const one of client.files.list({ limit: 1 })) listed.push(one.id);
  assert.deepEqual(listed, [file.id]);
  const answer = await client.files.content(file.id);
  assert.equal(answer.headers.get('content-type'), 'video/mp4');
  assert.deepEqual(Buffer.from(await answer.arrayBuffer()), content);
  assert.deepEqual(await client.files.delete(file.id), { id: file.id, object: 'file', deleted: true });
  await assert.rejects(client.files.retrieve(file.id), OpenAI.NotFoundError);
});

test('a file may be the body itself, and its name is cut to what can be shown', async () => {
  const { status, body } = await upload('RIFF', '?filename=..%2F..%2Fetc%2Fpass%00wd%0d%0a&purpose=batch', {
    'content-type': 'audio/wav',
  });
  assert.equal(status, 200);
  assert.equal(body.filename, 'passwd');
  assert.equal(body.purpose, 'batch');
  assert.equal(body.media_type, 'audio/wav');
  const unnamed = await upload('RIFF', '?filename=..');
  assert.equal(unnamed.body.filename, 'file');
  assert.equal(unnamed.body.media_type, 'text/plain;charset=UTF-8');
  assert.equal((await upload('', '')).body.bytes, 0);
});

test('a part of a file is sent for a range, and 416 where there is none', async () => {
  const { body } = await upload('0123456789');
  const get = (range: string, more: Record<string, string> = {}) =>
    request(`/v1/files/${body.id}/content`, { headers: { range, ...more } });
  const cases: [string, number, string, string | null][] = [
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=8-', 206, '89', 'bytes 8-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-30', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=5-99', 206, '56789', 'bytes 5-9/10'],
    ['bytes=0-1,3-4', 200, '0123456789', null],
    ['lines=1-2', 200, '0123456789', null],
  ];
  for (const [range, status, text, contentRange] of cases) {
    const answer = await get(range);
    assert.deepEqual(
      [answer.status, await answer.text(), answer.headers.get('content-range')],
      [status, text, contentRange],
      range,
    );
  }
  const beyond = await get('bytes=10-');
  assert.equal(beyond.status, 416);
  assert.equal(beyond.headers.get('content-range'), 'bytes */10');
  assert.equal(((await beyond.json()) as { code: string }).code, 'range_not_satisfiable');
  assert.equal((await get('bytes=0-1', { 'if-range': '"other"' })).status, 200);
  const same = await request(`/v1/files/${body.id}/content`, { headers: { 'if-none-match': `"${body.sha256}"` } });
  assert.equal(same.status, 304);
  const head = await request(`/v1/files/${body.id}/content`, { method: 'HEAD' });
  assert.equal(head.headers.get('content-length'), '10');
});

test('content of clients is never shown as a page of the relay', async () => {
  const { body } = await upload('<script>', '?filename=a%22b.html', { 'content-type': 'text/html' });
  const { headers } = await request(`/v1/files/${body.id}/content`);
  assert.equal(headers.get('content-disposition'), "attachment; filename*=UTF-8''a%22b.html");
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.match(headers.get('content-security-policy') ?? '', /sandbox/);
});

test('a key sees nothing of the files of another', async () => {
  const { body } = await upload('mine');
  const headers = { authorization: `Bearer ${await otherKey()}` };
  for (const [method, path] of [
    ['GET', `/v1/files/${body.id}`],
    ['GET', `/v1/files/${body.id}/content`],
    ['DELETE', `/v1/files/${body.id}`],
  ] as const) {
    assert.equal((await request(path, { method, headers })).status, 404, `${method} ${path}`);
  }
  assert.deepEqual(((await (await request('/v1/files', { headers })).json()) as FilePage).data, []);
  assert.equal((await request(`/v1/files/${body.id}`)).status, 200);
  assert.equal(
    (await request('/v1/files', { method: 'POST', body: 'x', headers: { authorization: 'Bearer x' } })).status,
    401,
  );
});

test('lists go on where a page ended and hold what was asked for', async () => {
  const ids: string[] = [];
  for (const text of ['a', 'b', 'c']) ids.push((await upload(text, '?purpose=paging')).body.id);
  const first = (await (await request('/v1/files?purpose=paging&limit=2&order=asc')).json()) as FilePage;
  assert.deepEqual(
    [first.data.map(({ id }) => id), first.has_more, first.next],
    [ids.slice(0, 2), true, ids[1] ?? null],
  );
  const rest = (await (
    await request(`/v1/files?purpose=paging&limit=2&order=asc&after=${first.next}`)
  ).json()) as FilePage;
  assert.deepEqual([rest.data.map(({ id }) => id), rest.has_more, rest.next], [ids.slice(2), false, null]);
  for (const query of ['limit=0', 'limit=10001', 'limit=x', 'order=up', 'more=1']) {
    assert.equal((await request(`/v1/files?${query}`)).status, 400, query);
  }
});

test('what is wrong with an upload is said, and nothing of it stays', async () => {
  const form = (parts: Record<string, string | Blob>): RequestInit => {
    const body = new FormData();
    for (const [name, value] of Object.entries(parts)) body.set(name, value);
    return { method: 'POST', body };
  };
  const file = new Blob(['x']);
  const wrong: [RequestInit, string, number, string, string | null][] = [
    [form({ purpose: 'user_data' }), '', 400, 'missing_required_parameter', 'file'],
    [form({ file, purpose: 'a b' }), '', 400, 'invalid_value', 'purpose'],
    [form({ file, 'expires_after[seconds]': '5' }), '', 400, 'invalid_value', 'expires_after.seconds'],
    [form({ file, 'expires_after[anchor]': 'never' }), '', 400, 'invalid_value', 'expires_after.anchor'],
    [form({ file, other: '1' }), '', 400, 'invalid_value', 'other'],
    [{ method: 'POST', body: 'x' }, '?other=1', 400, 'invalid_value', 'other'],
    [{ method: 'POST', body: 'x' }, '?purpose=a&purpose=b', 400, 'invalid_value', 'purpose'],
    [{ method: 'POST', body: 'x' }, '?expires_after_s=99999999', 400, 'invalid_value', 'expires_after.seconds'],
    [{ method: 'POST', body: 'x', headers: { 'content-type': 'multipart/form-data' } }, '', 400, 'invalid_value', null],
    [form({ file: new Blob([new Uint8Array(LARGEST + 1)]) }), '', 413, 'file_too_large', null],
    [{ method: 'POST', body: new Uint8Array(LARGEST + 1) }, '', 413, 'file_too_large', null],
  ];
  const before = ((await (await request('/v1/files?limit=1000')).json()) as FilePage).data.length;
  for (const [init, query, status, code, param] of wrong) {
    const answer = await request(`/v1/files${query}`, init);
    const body = (await answer.json()) as { code: string; error: { param: string | null } };
    assert.deepEqual([answer.status, body.code, body.error.param], [status, code, param], `${code} ${param}`);
  }
  assert.equal(((await (await request('/v1/files?limit=1000')).json()) as FilePage).data.length, before);
  assert.deepEqual(incoming(), []);
});

for (const [what, end] of [
  ['hangs up', true],
  ['sends nothing more', false],
] as const) {
  test(`a client that ${what} in the middle of its file leaves nothing behind`, async () => {
    const { hostname, port } = new URL(pool.relay.url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    const head = `POST /v1/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${pool.relay.apiKey}\r\ncontent-length: 1000\r\n\r\n`;
    socket.write(`${head}only a part`);
    await until(() => incoming().length === 1);
    if (end) socket.destroy();
    await until(() => incoming().length === 0);
    socket.destroy();
  });
}

test('a wrong method is told from a wrong address', async () => {
  const answer = await request('/v1/files', { method: 'PUT', body: 'x' });
  assert.equal(answer.status, 405);
  assert.equal((await request('/v1/files/file_x')).status, 404);
});
