import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { NatsConnection } from 'nats.ws';
import { createNKey } from '../../relay/fabric/bus/nkey.ts';
import type { EnrollResponse } from '../../shared/protocol/enrollment.ts';
import { isNodeId } from '../../shared/protocol/subjects.ts';
import { postMiner, registration } from '../support/nodes/miner.ts';
import { enrol, joinScriptedNode } from '../support/nodes/scripted-node.ts';
import { type Pool, startPool } from '../support/pool.ts';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

async function ask(publicKey: string, name: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${pool.relay.url}/v1/nodes/enroll`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ publicKey, name }),
  });
  return { status: response.status, body: (await response.json()) as EnrollResponse & { code: string } };
}

function claimsOf(jwt: string) {
  const claims = Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString();
  return JSON.parse(claims) as { sub: string; name: string; exp: number };
}

test('[I1] the relay gives every name an id that is one plain token', async () => {
  for (const name of ['*', '>', 'a.b', 'node.*.>', '{{name()}}', 'ünïcödé', '  ', '机房']) {
    const { publicKey } = createNKey('user');
    const { nodeId, jwt } = await enrol(pool.relay.url, publicKey, name);
    assert.ok(isNodeId(nodeId), nodeId);
    assert.ok(nodeId.endsWith(publicKey.slice(1, 11).toLowerCase()));
    assert.equal(claimsOf(jwt).name, nodeId);
  }
});

test('[I2] an enrolment on the relay’s own machine is answered with a token for the key that was shown', async () => {
  const { publicKey } = createNKey('user');
  const { status, body } = await ask(publicKey, 'attic');
  assert.equal(status, 200);
  const claims = claimsOf(body.jwt);
  assert.equal(claims.sub, publicKey);
  assert.equal(claims.exp, body.expiresAt);
  assert.ok(body.expiresAt > Date.now() / 1_000);
  assert.equal(body.busPath, '/nats');
});

test('[I2] what comes through a proxy is not of this machine: it needs the admin token, and no other key will do', async () => {
  const { publicKey } = createNKey('user');
  for (const header of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip']) {
    const { status, body } = await ask(publicKey, 'attic', { [header]: '127.0.0.1' });
    assert.equal(status, 403, header);
    assert.equal(body.code, 'pairing_required');
  }
  const through = { 'x-forwarded-for': '203.0.113.5' };
  assert.equal(
    (await ask(publicKey, 'attic', { ...through, authorization: `Bearer ${pool.relay.apiKey}` })).status,
    403,
  );
  assert.equal((await ask(publicKey, 'attic', { ...through, authorization: 'Bearer wrong' })).status, 401);
  assert.equal(
    (await ask(publicKey, 'attic', { ...through, authorization: `Bearer ${pool.relay.adminToken}` })).status,
    200,
  );
});

test('[I2] a page that has pointed its own name at this machine is none of it, on the bus or over HTTP', async () => {
  const { port } = new URL(pool.relay.url);
  const { publicKey } = createNKey('user');
  for (const [host, origin] of [
    [`evil.example:${port}`, `http://evil.example:${port}`],
    [`127.0.0.1:${port}`, 'https://evil.example'],
    [`127.0.0.1:${port}`, 'null'],
  ] as const) {
    const node = await ask(publicKey, 'page', { host, origin });
    assert.deepEqual([node.status, node.body.code], [403, 'pairing_required'], origin);
    const miner = await postMiner(pool.relay, 'register', registration({}), { host, origin });
    assert.deepEqual([miner.status, miner.body.code], [403, 'pairing_required'], origin);
  }
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`]) {
    assert.equal((await ask(publicKey, 'page', { host, origin: `http://${host}` })).status, 200, host);
  }
});

test('[I2] what is no public key of a user is refused', async () => {
  const { seed } = createNKey('user');
  for (const key of [seed, 'U', `A${'A'.repeat(55)}`, `U${'a'.repeat(55)}`, `U${'A'.repeat(55)}.>`]) {
    assert.equal((await ask(key, 'attic')).status, 400, key);
  }
});

test('[I3] an id belongs to the first key that enrolled with it, for good', async () => {
  const { publicKey } = createNKey('user');
  const { nodeId } = await enrol(pool.relay.url, publicKey, 'attic');
  const impostor = `${publicKey.slice(0, 40)}${'A'.repeat(16)}`;
  const { status, body } = await ask(impostor, 'attic');
  assert.equal(status, 409);
  assert.equal(body.code, 'node_identity_taken');
  assert.equal((await enrol(pool.relay.url, publicKey, 'attic')).nodeId, nodeId);
});

test('[I4] a node hears and says what is its own on the real bus, and nothing else', async (t) => {
  const attic = await joinScriptedNode(t, pool.relay, { name: 'attic' });
  const cellar = await joinScriptedNode(t, pool.relay, { name: 'cellar' });
  const { connection } = cellar;
  for (const subject of [
    `node.${attic.nodeId}.>`,
    'node.*.llm.request',
    'fabric.heartbeat.*',
    '_INBOX.>',
    '>',
    '$SYS.>',
  ]) {
    assert.equal(await refusalOf(connection, () => connection.subscribe(subject)), 'subscription', subject);
  }
  for (const subject of [
    `fabric.heartbeat.${attic.nodeId}`,
    `node.${attic.nodeId}.llm.request`,
    '_INBOX.guess.1',
    '$SYS.x',
  ]) {
    assert.equal(await refusalOf(connection, () => connection.publish(subject)), 'publish', subject);
  }
  assert.equal(await refusalOf(connection, () => cellar.beat()), 'none');
  assert.equal(attic.jobs.all.length, 0);
  assert.ok(pool.relay.nodes().includes(attic.nodeId));
});

/** Which kind of permission the server says is missing; its error comes before the answer to a ping that follows. */
async function refusalOf(connection: NatsConnection, attempt: () => unknown): Promise<string> {
  const statuses = connection.status()[Symbol.asyncIterator]();
  const next = statuses.next().then(({ value }) => String(value?.permissionContext?.operation ?? value?.type));
  attempt();
  await connection.flush();
  return Promise.race([next, new Promise<string>((resolve) => setImmediate(resolve, 'none'))]);
}

test('[I5] credentials expire after a day', async () => {
  const { publicKey } = createNKey('user');
  const { expiresAt, jwt } = await enrol(pool.relay.url, publicKey, 'attic');
  const lifeS = expiresAt - Date.now() / 1_000;
  assert.ok(lifeS > 23 * 3_600 && lifeS <= 24 * 3_600, `${lifeS} s`);
  assert.equal(claimsOf(jwt).exp, expiresAt);
});
