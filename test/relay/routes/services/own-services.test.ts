import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { OwnServices, ServiceAnswer, ServiceDetails, ServicePage } from '../../../../shared/api/services.ts';
import { assertError, type ExpectedError, readError } from '../../../support/error-answers.ts';
import { type Pool, startPool } from '../../../support/pool.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const HAIKU = {
  category: 'development',
  title: 'Haiku',
  description: 'Says it in a haiku.',
  input: {
    type: 'object',
    required: ['code'],
    properties: { code: { type: 'string' }, model: { type: 'string' }, max_tokens: {} },
  },
  runtime: { type: 'llm', prompt: { user: 'haiku: {code}' } },
  examples: [{ input: { code: 'n => n * 2' } }],
};

let pool: Pool;
before(async () => {
  pool = await startPool();
  await pool.addNode();
});
after(() => pool.close());

function send(method: string, path: string, body?: unknown, of: Pool = pool): Promise<Response> {
  const isAdmin = path.startsWith('/v1/admin');
  return of.request(path, {
    method,
    headers: {
      authorization: `Bearer ${isAdmin ? of.relay.adminToken : of.relay.apiKey}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function ok<Answer>(response: Promise<Response>, status = 200): Promise<Answer> {
  const answer = await response;
  const body = await answer.text();
  assert.equal(answer.status, status, body);
  return JSON.parse(body) as Answer;
}

async function refused(response: Promise<Response>, expected: ExpectedError): Promise<void> {
  assertError(await readError(await response), expected);
}

test('a service is added, replaced and removed while the relay runs', async () => {
  const path = '/v1/admin/services/house/haiku';
  const made = await ok<ServiceDetails>(send('PUT', path, HAIKU), 201);
  assert.deepEqual([made.id, made.origin, made.overrides], ['house/haiku', 'api', false]);
  assert.ok((made.updated_at ?? 0) > 0);
  assert.equal(made.available.nodes, 1);
  const ask = { code: 'x', model: 'test/echo' };
  const first = await ok<ServiceAnswer>(send('POST', '/v1/services/house/haiku', ask));
  assert.deepEqual([first.output.text, first.service], ['haiku: x', 'house/haiku']);

  const better = { ...HAIKU, id: 'house/haiku', runtime: { type: 'llm', prompt: { user: 'better: {code}' } } };
  await ok(send('PUT', '/v1/admin/services/house%2Fhaiku', better), 200);
  const second = await ok<ServiceAnswer>(send('POST', '/v1/services/house/haiku', ask));
  assert.equal(second.output.text, 'better: x');

  const own = await ok<OwnServices>(send('GET', '/v1/admin/services'));
  assert.deepEqual(
    own.data.map(({ id, file }) => [id, file]),
    [['house/haiku', null]],
  );
  const { data } = await ok<ServicePage>(send('GET', '/v1/registry/services?q=haiku'));
  assert.deepEqual(
    data.map(({ id, origin }) => [id, origin]),
    [['house/haiku', 'api']],
  );

  assert.deepEqual(await ok(send('DELETE', path)), { id: 'house/haiku', removed: true });
  await refused(send('DELETE', path), { code: 'service_not_found' });
  await refused(send('POST', '/v1/services/house/haiku', ask), { code: 'service_not_found' });
});

test('a definition that is wrong is refused with the member, and changes nothing', async () => {
  const path = '/v1/admin/services/house/wrong';
  await refused(send('PUT', path, { ...HAIKU, titel: 'x' }), { code: 'invalid_value', param: 'titel' });
  await refused(send('PUT', path, { ...HAIKU, title: undefined }), {
    code: 'missing_required_parameter',
    param: 'title',
  });
  await refused(send('PUT', path, { ...HAIKU, id: 'house/other' }), { code: 'invalid_value', param: 'id' });
  await refused(send('PUT', '/v1/admin/services/house', HAIKU), { code: 'invalid_value', param: 'id' });
  await refused(send('PUT', '/v1/admin/services/house/schema', HAIKU), { code: 'invalid_value', param: 'id' });
  await refused(send('GET', '/v1/registry/services/house/wrong'), { code: 'service_not_found' });
});

test('a service of the relay is replaced only by who says so, and is back when that is removed', async () => {
  const path = '/v1/admin/services/llm/summarize';
  await refused(send('PUT', path, HAIKU), { code: 'service_id_taken', message: /"overrides": true/ });
  await refused(send('DELETE', path), { code: 'service_id_taken', message: /comes with the relay/ });
  const made = await ok<ServiceDetails>(send('PUT', path, { ...HAIKU, overrides: true }), 201);
  assert.deepEqual([made.title, made.overrides], ['Haiku', true]);
  await ok(send('DELETE', path));
  const back = await ok<ServiceDetails>(send('GET', '/v1/registry/services/llm/summarize'));
  assert.deepEqual([back.origin, back.title], ['built_in', 'Summary of a text']);
});

test('what an operator lets through and no model takes is refused as theirs', async () => {
  await ok(send('PUT', '/v1/admin/services/house/loose', HAIKU), 201);
  await refused(send('POST', '/v1/services/house/loose', { code: 'x', max_tokens: 'many' }), {
    code: 'invalid_value',
    param: 'max_tokens',
    message: /The schema of house\/loose lets through/,
  });
});

test('services of the API are there after a restart', async (t) => {
  const dataFolder = temporaryFolder(t);
  const first = await startPool({ dataFolder });
  await ok(send('PUT', '/v1/admin/services/house/kept', HAIKU, first), 201);
  await first.close();
  const second = await startPool({ dataFolder });
  t.after(() => second.close());
  const service = await ok<ServiceDetails>(send('GET', '/v1/registry/services/house/kept', undefined, second));
  assert.deepEqual([service.title, service.origin], ['Haiku', 'api']);
});

test('services of files are there from the start, are read again on demand, and are not changed over the API', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'house.json');
  writeFileSync(file, JSON.stringify({ services: [{ ...HAIKU, id: 'house/filed' }] }));
  const own = await startPool({ servicesPath: folder });
  t.after(() => own.close());
  const titles = async () => {
    const { data } = await ok<OwnServices>(send('GET', '/v1/admin/services', undefined, own));
    return data.map(({ id, title, file: from }) => [id, title, from]);
  };
  assert.deepEqual(await titles(), [['house/filed', 'Haiku', file]]);
  await refused(send('PUT', '/v1/admin/services/house/filed', HAIKU, own), { code: 'service_id_taken' });
  await refused(send('DELETE', '/v1/admin/services/house/filed', undefined, own), { code: 'service_id_taken' });

  writeFileSync(file, JSON.stringify({ ...HAIKU, id: 'house/filed', title: 'Better' }));
  await ok(send('POST', '/v1/admin/services/reload', undefined, own));
  assert.deepEqual(await titles(), [['house/filed', 'Better', file]]);

  writeFileSync(file, JSON.stringify({ ...HAIKU, id: 'llm/summarize' }));
  const wrong = await send('POST', '/v1/admin/services/reload', undefined, own);
  assert.equal(wrong.status, 400);
  assert.match(((await wrong.json()) as { detail: string }).detail, /house\.json: llm\/summarize .*overrides = true/);
  assert.deepEqual(await titles(), [['house/filed', 'Better', file]]);
  const { file: shown = null } = await ok<{ file?: string }>(
    send('GET', '/v1/registry/services/house/filed', undefined, own),
  );
  assert.equal(shown, null, 'a path of the machine is nobody else’s business');
});

test('a relay does not start with a file of services that is wrong, and says where', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'bad.toml'), 'id = "house/bad"\ncolour = "red"\n');
  await assert.rejects(startPool({ servicesPath: folder }), { code: 'invalid_setting', message: /bad\.toml: / });
});
