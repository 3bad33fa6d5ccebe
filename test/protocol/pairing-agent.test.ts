import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { createNKey, type NKey } from '../../relay/fabric/bus/nkey.ts';
import { type BusConnection, type ConnectToBus, connectToBus } from '../../shared/agent/nats-connection.ts';
import { pinsInMemory } from '../../shared/agent/relay-conversation.ts';
import { parseInvitation } from '../../shared/identity/pairing-link.ts';
import { relayStatement } from '../../shared/identity/pairing-transcript.ts';
import { signerOfSeed } from '../../shared/identity/signer.ts';
import { bytesToBase64Url } from '../../shared/protocol/base64.ts';
import { encodeJson } from '../../shared/protocol/codec.ts';
import type { CompletePairing } from '../../shared/protocol/pairing.ts';
import { subjects } from '../../shared/protocol/subjects.ts';
import { afterTest } from '../support/after-test.ts';
import { askChat } from '../support/ask-pool.ts';
import { startForeignNats } from '../support/bus/foreign-nats.ts';
import { watchedConnect } from '../support/bus/watched-connect.ts';
import { sparewatt } from '../support/command.ts';
import { freePort } from '../support/network/free-port.ts';
import { adminPost, fetchFrom, makeCode, startRemoteAgent } from '../support/pairing.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { isProblem } from '../support/problems.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

async function startOther(t: TestContext, options: Parameters<typeof startPool>[0] = {}): Promise<Pool> {
  const dataFolder = temporaryFolder(t);
  const other = await startPool({ dataFolder, ...options });
  afterTest(t, () => other.close());
  return other;
}

/** Goes to the bus with credentials of one's choice. */
async function connectWith(relayUrl: string, nodeId: string, key: NKey, jwt = ''): Promise<unknown> {
  return connectToBus({
    url: `${relayUrl.replace('http', 'ws')}/nats`,
    nodeId,
    inboxPrefix: `_INBOX_${nodeId}`,
    jwt: () => jwt,
    key: await signerOfSeed(new TextEncoder().encode(key.seed)),
    signal: AbortSignal.timeout(20_000),
    onDown: () => undefined,
    onUp: () => undefined,
  });
}

test('[P5] [P9] an agent of another machine pairs with a code, works, and comes back by its key alone', async (t) => {
  const { code } = await makeCode(pool.relay);
  const key = createNKey('user');
  const pins = pinsInMemory();
  const said: string[] = [];
  const fetch: typeof globalThis.fetch = (input, init) => {
    said.push(`${input} ${new TextDecoder().decode(init?.body as Uint8Array)}`);
    return fetchFrom('203.0.113.9')(input, init);
  };
  const first = startRemoteAgent(t, pool.relay.url, { key, pins, fetch, invitation: { code } });
  const nodeId = await first.ready;
  await until(() => pool.relay.nodes().includes(nodeId));
  assert.match((await pins.read(pool.relay.url)) ?? '', /^N/);
  assert.ok(said.length >= 2);
  for (const line of said) assert.ok(!line.includes(code) && !line.includes(code.replaceAll('-', '')), 'code was sent');
  await first.close();
  const spent = startRemoteAgent(t, pool.relay.url, { key, pins, invitation: { code } });
  assert.equal(await spent.ready, nodeId);
  await spent.close();
  const again = startRemoteAgent(t, pool.relay.url, { key, pins });
  assert.equal(await again.ready, nodeId);
});

test('[P5] an agent takes no answer from a relay that does not know the code, however well it signs', async (t) => {
  const evil = createNKey('server');
  const asked: { nonce?: string } = {};
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const body = JSON.parse(new TextDecoder().decode(init?.body as Uint8Array)) as { nonce: string } & CompletePairing;
    if (String(input).endsWith('/challenge')) {
      asked.nonce = body.nonce;
      return Response.json({ relayPublicKey: evil.publicKey, challenge: 'A'.repeat(72), expiresAt: 2_000_000_000 });
    }
    const { publicKey, name, proof, code } = body;
    const answer = {
      nodeId: 'remote-x',
      state: 'active',
      jwt: 'x',
      expiresAt: 2_000_000_000,
      busPath: '/nats',
    } as const;
    const transcript = { protocol: 1, purpose: 'pair', relay: proof.relay, relayKey: evil.publicKey } as const;
    const spoken = { nodeKey: publicKey, nodeName: name, nodeNonce: proof.nonce, challenge: proof.challenge };
    const statement = relayStatement({ ...transcript, ...spoken, codeId: code.id }, answer);
    // The best it can do for a proof is to give back the node's own.
    return Response.json({ ...answer, relaySignature: bytesToBase64Url(evil.sign(statement)), codeProof: code.proof });
  };
  const pins = pinsInMemory();
  const agent = startRemoteAgent(t, pool.relay.url, { pins, fetch, invitation: { code: 'AAAA-BBBB-CCCC' } });
  isProblem('relay_identity_changed', /Another relay answers/)(await agent.ended);
  assert.ok(asked.nonce);
  assert.equal(await pins.read(pool.relay.url), undefined);
});

test('[P9] an agent with a link goes to no relay with another key', async (t) => {
  const other = await startOther(t);
  const invitation = parseInvitation((await makeCode(other.relay)).link);
  const agent = startRemoteAgent(t, pool.relay.url, { invitation });
  isProblem('relay_identity_changed', /Another relay/)(await agent.ended);
});

test('[P9] an agent refuses another relay at the address it was paired at, until it is invited there', async (t) => {
  const key = createNKey('user');
  const pins = pinsInMemory();
  const first = await startOther(t);
  const port = Number(new URL(first.relay.url).port);
  const invitation = parseInvitation((await makeCode(first.relay)).link);
  const paired = startRemoteAgent(t, first.relay.url, { key, pins, invitation });
  await paired.ready;
  await paired.close();
  await first.relay.close();
  const second = await startOther(t, { port, open: true });
  assert.equal(second.relay.url, first.relay.url);
  const asked: string[] = [];
  const fetch: typeof globalThis.fetch = (input, init) => {
    asked.push(new URL(String(input)).pathname);
    return fetchFrom('203.0.113.9')(input, init);
  };
  const deceived = startRemoteAgent(t, second.relay.url, { key, pins, fetch, joinToken: 'sw-admin-secret' });
  isProblem('relay_identity_changed', /--pair CODE/)(await deceived.ended);
  assert.deepEqual(asked, ['/v1/pairing/challenge'], 'and shows it neither token nor signature');
  const { code } = await makeCode(second.relay);
  const invited = startRemoteAgent(t, second.relay.url, { key, pins, invitation: { code } });
  await invited.ready;
});

test('[P9] an agent takes no credentials that the pinned relay did not sign', async (t) => {
  const key = createNKey('user');
  const pins = pinsInMemory();
  const paired = startRemoteAgent(t, pool.relay.url, {
    key,
    pins,
    invitation: { code: (await makeCode(pool.relay)).code },
  });
  await paired.ready;
  await paired.close();
  for (const change of [
    { relaySignature: 'A'.repeat(86) },
    { relaySignature: undefined },
    { busUrl: 'ws://evil.example' },
  ]) {
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const response = await fetchFrom('203.0.113.9')(input, init);
      if (!String(input).endsWith('/enroll')) return response;
      return Response.json({ ...((await response.json()) as object), ...change });
    };
    const agent = startRemoteAgent(t, pool.relay.url, { key, pins, fetch });
    isProblem('relay_identity_changed', /somebody stands in between/)(await agent.ended);
  }
});

test('[P10] an agent says that it waits, and joins when it is approved', async (t) => {
  const other = await startOther(t, { approveNodes: true });
  const waits = Promise.withResolvers<string>();
  const log = {
    info: () => undefined,
    error: () => undefined,
    warn: (fields: Record<string, unknown>, message: string) => {
      if (fields.code === 'node_pending') waits.resolve(message);
    },
  };
  const { code } = await makeCode(other.relay);
  const agent = startRemoteAgent(t, other.relay.url, { invitation: { code }, log });
  const nodeId = /The node (\S+) waits until the operator/.exec(await waits.promise)?.[1] ?? '';
  await adminPost(other.relay, `/v1/admin/nodes/${nodeId}/approve`);
  assert.equal(await agent.ready, nodeId);
});

test('an agent with a wrong code ends and says so', async (t) => {
  const agent = startRemoteAgent(t, pool.relay.url, { invitation: { code: 'AAAA-BBBB-CCCC' } });
  isProblem('pairing_code_invalid', /ask for a new one/)(await agent.ended);
});

function isRefusedByServer(error: unknown): boolean {
  assert.match(String((error as Error).cause), /Authorization.Violation/i);
  return true;
}

test('[P12] a revoked node is cut off, gets no job and cannot come back, under any name and over restarts', async (t) => {
  const dataFolder = temporaryFolder(t);
  const first = await startPool({ dataFolder });
  afterTest(t, () => first.close());
  const key = createNKey('user');
  const { code } = await makeCode(first.relay);
  let jwt = '';
  const connect: ConnectToBus = (options) => {
    jwt ||= options.jwt();
    return connectToBus(options);
  };
  const agent = startRemoteAgent(t, first.relay.url, { key, connect, invitation: { code } });
  const nodeId = await agent.ready;
  await until(() => first.relay.nodes().includes(nodeId));
  const revoked = await adminPost(first.relay, `/v1/admin/nodes/${nodeId}/revoke`);
  assert.deepEqual([revoked.body.state, revoked.body.connectionCut], ['revoked', true]);
  assert.deepEqual(first.relay.nodes(), []);
  isProblem('node_revoked', /has revoked this node/)(await agent.ended);
  const renamed = startRemoteAgent(t, first.relay.url, { key, name: 'innocent' });
  isProblem('node_revoked', /revoked/)(await renamed.ended);
  const fresh = (await makeCode(first.relay)).code;
  const invited = startRemoteAgent(t, first.relay.url, { key, invitation: { code: fresh } });
  isProblem('node_revoked', /revoked/)(await invited.ended);
  const local = startRemoteAgent(t, first.relay.url, { key, fetch: globalThis.fetch });
  isProblem('node_revoked', /revoked/)(await local.ended);
  const innocent = startRemoteAgent(t, first.relay.url, { invitation: { code: fresh } });
  await innocent.ready;
  await first.relay.close();

  const second = await startPool({ dataFolder });
  afterTest(t, () => second.close());
  await assert.rejects(connectWith(second.relay.url, nodeId, key, jwt), isRefusedByServer);
  const back = startRemoteAgent(t, second.relay.url, { key });
  isProblem('node_revoked', /revoked/)(await back.ended);
  await adminPost(second.relay, `/v1/admin/nodes/${nodeId}/approve`);
  const forgiven = startRemoteAgent(t, second.relay.url, { key });
  assert.equal(await forgiven.ready, nodeId);
});

test('[P16] a forgotten node is listed nowhere and comes in by a code alone; what it has done stays', async (t) => {
  const dataFolder = temporaryFolder(t);
  const first = await startPool({ dataFolder, open: true });
  afterTest(t, () => first.close());
  const key = createNKey('user');
  let jwt = '';
  const connect: ConnectToBus = (options) => {
    jwt ||= options.jwt();
    return connectToBus(options);
  };
  const agent = startRemoteAgent(t, first.relay.url, { key, connect });
  const nodeId = await agent.ready;
  await until(() => first.relay.nodes().includes(nodeId));
  const asOperator = { authorization: `Bearer ${first.relay.adminToken}` };
  const price = { ...asOperator, 'content-type': 'application/json' };
  await first.request('/v1/admin/prices/*', { method: 'PUT', headers: price, body: '{"per_job_micro":7}' });
  const { jobId } = await askChat(first, 'test/echo');
  const see = async (pool: Pool, path: string) =>
    (await (await pool.request(path, { headers: asOperator })).json()) as Record<string, unknown>;
  const forget = (pool: Pool) => pool.request(`/v1/admin/nodes/${nodeId}`, { method: 'DELETE', headers: asOperator });
  const kept = [
    `/v1/jobs/${jobId}`,
    `/v1/jobs/${jobId}/receipts`,
    '/v1/admin/usage?by=node',
    '/v1/admin/credits/entries',
  ];
  await until(async () => ((await see(first, kept[1] ?? '')).data as unknown[] | undefined)?.length === 1);
  const early = await forget(first);
  const refusal = (await early.json()) as { code: string; detail: string };
  assert.deepEqual([early.status, refusal.code], [409, 'node_connected']);
  assert.match(refusal.detail, /Stop it or revoke it/);
  await agent.close();
  await until(() => first.relay.nodes().length === 0);
  const before = await Promise.all(kept.map((path) => see(first, path)));
  const answer = await forget(first);
  assert.deepEqual([answer.status, await answer.json()], [200, { nodeId, name: 'remote', connectionCut: true }]);
  assert.deepEqual((await see(first, '/v1/nodes')).data, []);
  for (const path of [`/v1/nodes/${nodeId}`, `/v1/nodes/${nodeId}/health`]) {
    assert.equal((await see(first, path)).code, 'node_not_found', path);
  }
  assert.equal((await forget(first)).status, 404);
  assert.deepEqual(await Promise.all(kept.map((path) => see(first, path))), before);
  for (const seen of before) assert.ok(JSON.stringify(seen).includes(nodeId));
  assert.deepEqual((await see(first, '/v1/admin/log/audit')).problems, []);
  await first.relay.close();

  const second = await startPool({ dataFolder, open: true });
  afterTest(t, () => second.close());
  assert.deepEqual((await see(second, '/v1/nodes')).data, []);
  await assert.rejects(connectWith(second.relay.url, nodeId, key, jwt), isRefusedByServer);
  for (const name of ['remote', 'innocent']) {
    const uninvited = startRemoteAgent(t, second.relay.url, { key, name });
    isProblem('pairing_required', /--pair CODE/)(await uninvited.ended);
  }
  const { code } = await makeCode(second.relay);
  const anew = startRemoteAgent(t, second.relay.url, { key, invitation: { code } });
  assert.equal(await anew.ready, nodeId);
  await until(() => second.relay.nodes().includes(nodeId));
  await assert.rejects(connectWith(second.relay.url, nodeId, key, jwt), isRefusedByServer);
  assert.equal((await askChat(second, 'test/echo')).node, nodeId);
});

test('[P12] credentials from before a revocation stay void on the server itself', async (t) => {
  const other = await startOther(t);
  const key = createNKey('user');
  const jwts: string[] = [];
  const connect: ConnectToBus = (options) => {
    jwts.push(options.jwt());
    return connectToBus(options);
  };
  const { code } = await makeCode(other.relay);
  const agent = startRemoteAgent(t, other.relay.url, { key, connect, invitation: { code } });
  const nodeId = await agent.ready;
  await adminPost(other.relay, `/v1/admin/nodes/${nodeId}/revoke`);
  await agent.ended;
  await adminPost(other.relay, `/v1/admin/nodes/${nodeId}/approve`);
  await assert.rejects(connectWith(other.relay.url, nodeId, key, jwts[0]), isRefusedByServer);
});

test('[P12] where the bus cannot be told, a revoked node still has no session and gets no job', async (t) => {
  const { nats } = await startForeignNats(t, '');
  const other = await startOther(t, { natsUrl: `nats://127.0.0.1:${nats}` });
  const { code } = await makeCode(other.relay);
  let bus: BusConnection | undefined;
  const connect: ConnectToBus = async (options) => {
    bus = await connectToBus(options);
    return bus;
  };
  const randomId = () => 'the-only-instance';
  const agent = startRemoteAgent(t, other.relay.url, { connect, randomId, invitation: { code } });
  const nodeId = await agent.ready;
  await until(() => other.relay.nodes().includes(nodeId));
  const { body } = await adminPost(other.relay, `/v1/admin/nodes/${nodeId}/revoke`);
  assert.deepEqual([body.state, body.connectionCut], ['revoked', false]);
  assert.deepEqual(other.relay.nodes(), []);
  const beat = { instance: randomId(), epoch: 0, revision: 1, slots: { total: 1, used: 0 } };
  bus?.publish(subjects.heartbeat(nodeId), encodeJson(beat));
  await bus?.flush();
  // A node that comes later has a session, so the beat before it has been heard.
  await other.addNode({ name: 'later' });
  assert.ok(!other.relay.nodes().includes(nodeId));
});

test('[P13] [I5] a node with short credentials renews them, and is back at once each time', async (t) => {
  const other = await startOther(t, { credentialLifetimeS: 3 });
  const { seen, connect } = watchedConnect();
  const { code } = await makeCode(other.relay);
  const agent = startRemoteAgent(t, other.relay.url, { connect, invitation: { code } });
  const nodeId = await agent.ready;
  const startedAt = Date.now();
  await until(() => seen.up >= 3);
  assert.ok(Date.now() - startedAt < 3 * 3_000, 'it came back before its credentials ended, three times');
  assert.equal(seen.down, seen.up);
  await until(() => other.relay.nodes().includes(nodeId));
  assert.equal((await askChat(other, 'test/noop')).status, 200);
});

test('[P14] a node of the relay’s machine stays connected while the relay is killed and started again', async (t) => {
  const data = temporaryFolder(t);
  const start = async (port: string) => {
    const relay = sparewatt(['relay', '--port', port, '--data', data, '--ready-json', '--log-level', 'silent']);
    afterTest(t, () => {
      relay.child.kill('SIGTERM');
      return relay.exit;
    });
    const ready = JSON.parse(await relay.firstLine()) as { url: string; apiKey: string };
    return { ...ready, relay };
  };
  const first = await start(String(await freePort()));
  const { seen, connect } = watchedConnect();
  const agent = startRemoteAgent(t, first.url, { connect, fetch: globalThis.fetch });
  const nodeId = await agent.ready;
  assert.match(seen.directUrl ?? '', /^ws:\/\/127\.0\.0\.1:\d+$/);
  first.relay.child.kill('SIGKILL');
  await first.relay.exit;
  const second = await start(new URL(first.url).port);
  const ask = async () => {
    const response = await fetch(`${second.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${second.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'test/noop', messages: [{ role: 'user', content: 'x' }] }),
    });
    return response.headers.get('x-sparewatt-node');
  };
  await until(async () => (await ask()) === nodeId);
  assert.deepEqual([seen.down, seen.up], [0, 0]);
});

test('[P14] a node that comes through anything else stays on that way', async (t) => {
  const { seen, connect } = watchedConnect();
  const { code } = await makeCode(pool.relay);
  await startRemoteAgent(t, pool.relay.url, { connect, invitation: { code } }).ready;
  assert.equal(seen.directUrl, undefined);
});
