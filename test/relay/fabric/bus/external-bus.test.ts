import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from 'nats.ws';
import { WebSocket } from 'ws';
import { openDataFolder } from '../../../../relay/data-folder/data-folder.ts';
import { connectBus } from '../../../../relay/fabric/bus/bus.ts';
import { loginOfCreds, ownedBus, sharedBus } from '../../../../relay/fabric/bus/bus-address.ts';
import { type BusIdentity, readOrCreateBusIdentity } from '../../../../relay/fabric/bus/bus-identity.ts';
import { type BusUser, mintNodeCredentials, relayUser } from '../../../../relay/fabric/bus/credentials.ts';
import { type NatsUrl, parseNatsUrl } from '../../../../relay/fabric/bus/nats-url.ts';
import { createNKey } from '../../../../relay/fabric/bus/nkey.ts';
import { createNodeGate } from '../../../../relay/fabric/door/node-gate.ts';
import { createWebSocketBridge } from '../../../../relay/fabric/door/websocket-bridge.ts';
import { attachWebSocketDoor, type DoorKeeper, type DoorTarget } from '../../../../relay/fabric/door/websocket-door.ts';
import { exportNatsConfig } from '../../../../relay/fabric/nats-server/nats-config.ts';
import { afterTest } from '../../../support/after-test.ts';
import { startForeignNats } from '../../../support/bus/foreign-nats.ts';
import { connectNode } from '../../../support/bus/nats.ts';
import { collectLog } from '../../../support/log.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

test('a server that knows no nodes serves relay and nodes, which come in by the login of the relay', async (t) => {
  const { identity } = newIdentity(t);
  const owner = newIdentity(t);
  for (const { config, login, creds } of [
    { config: '', login: '' },
    { config: 'authorization { user: u, password: "p@ss" }', login: 'u:p%40ss@' },
    { config: 'authorization { token: secret }', login: 'secret@' },
    { config: exportedConfig(owner.identity), login: '', creds: writeCreds(t, relayUser(owner.identity)) },
  ]) {
    const ports = await startForeignNats(t, config);
    const url = parseNatsUrl(`nats://${login}127.0.0.1:${ports.nats}`);
    const address = creds === undefined ? url : { servers: url.servers, login: loginOfCreds(creds) };
    const bus = await connectBus({ ...sharedBus(address), log: collectLog() });
    afterTest(t, bus.close);
    assert.equal(bus.hasNodeEvents, false);
    const bridge = openGate(t, identity, address);
    await assertNodeAnswers(t, bus, identity, bridge);
    await bus.close();
  }
});

test('a server that knows no nodes hears only from nodes of the relay', async (t) => {
  const { identity } = newIdentity(t);
  const stranger = newIdentity(t);
  const ports = await startForeignNats(t, 'authorization { token: secret }');
  const url = await openDoor(t, openGate(t, identity, parseNatsUrl(`nats://secret@127.0.0.1:${ports.nats}`)));
  const key = createNKey('user');
  const grant = { nodeId: 'attic-a', publicKey: key.publicKey, lifetimeSeconds: 60 };
  const { jwt } = mintNodeCredentials(identity, grant);
  const expired = mintNodeCredentials(identity, { ...grant, lifetimeSeconds: -1 }).jwt;
  const relay = relayUser(identity);
  for (const [who, attempt] of [
    ['nobody', () => connect({ servers: url, reconnect: false })],
    ['who guesses the token', () => connect({ servers: url, token: 'secret', reconnect: false })],
    ['a node of another relay', () => connectNode('attic-a', stranger.identity, url)],
    ['one whose time is over', () => connectNode('attic-a', identity, url, { key, jwt: expired })],
    ['one with the token of another', () => connectNode('attic-a', identity, url, { key: createNKey('user'), jwt })],
    ['one with a token that was altered', () => connectNode('attic-a', identity, url, { key, jwt: altered(jwt) })],
    ['who is no node', () => connectNode('attic-a', identity, url, relay)],
  ] as const) {
    await assert.rejects(attempt, /Authorization Violation|AUTHORIZATION_VIOLATION/i, who);
  }
  const node = await connectNode('attic-a', identity, url, { key, jwt });
  await node.close();
});

test('a node whose credentials expire has to come in anew', async (t) => {
  const { identity } = newIdentity(t);
  const ports = await startForeignNats(t, '');
  const url = await openDoor(t, openGate(t, identity, parseNatsUrl(`nats://127.0.0.1:${ports.nats}`)));
  const node = await connectNode('attic-a', identity, url, { lifetimeSeconds: 2 });
  await node.closed();
  assert.equal(node.isClosed(), true);
});

test('nodes find the servers of a cluster that answer', async (t) => {
  const { identity } = newIdentity(t);
  const ports = await startForeignNats(t, '');
  const url = await openDoor(t, openGate(t, identity, parseNatsUrl(`127.0.0.1:1,127.0.0.1:${ports.nats}`)));
  await assert.rejects(connectNode('attic-a', identity, url));
  const node = await connectNode('attic-a', identity, url);
  await node.close();
});

test('a newcomer that says nothing sensible is not let in', async (t) => {
  const { identity } = newIdentity(t);
  const ports = await startForeignNats(t, '');
  const url = await openDoor(t, openGate(t, identity, parseNatsUrl(`127.0.0.1:${ports.nats}`)));
  for (const words of [
    'CONNECT {}\r\n',
    'CONNECT {\r\n',
    'PUB x 0\r\n\r\n',
    'CONNECT null\r\nPING\r\n',
    'x'.repeat(70_000),
  ]) {
    const socket = new WebSocket(url);
    const heard: string[] = [];
    socket.on('message', (data) => heard.push(String(data)));
    await once(socket, 'open');
    socket.send(words);
    await once(socket, 'close');
    assert.doesNotMatch(heard.join(''), /PONG|\+OK/);
  }
  const gone = new WebSocket(url);
  await once(gone, 'open');
  gone.terminate();
  const node = await connectNode('attic-a', identity, url);
  await node.close();
});

test('a server with the exported configuration keeps nodes apart and tells when they go', async (t) => {
  const { identity } = newIdentity(t);
  const config = exportedConfig(identity);
  for (const secret of Object.values(identity)) assert.ok(!config.includes(secret.seed), 'a secret was exported');
  const ports = await startForeignNats(t, config);
  const options = ownedBus(`nats://127.0.0.1:${ports.nats}`, identity);
  const bus = await connectBus({ ...options, log: collectLog() });
  afterTest(t, bus.close);
  const target: DoorTarget = { host: '127.0.0.1', port: ports.websocket };
  const gone = new Promise<string>((resolve) => bus.onNodeDisconnect(resolve));
  const publicKey = await assertNodeAnswers(t, bus, identity, target);
  assert.equal(await gone, publicKey);
});

async function assertNodeAnswers(
  t: TestContext,
  bus: Awaited<ReturnType<typeof connectBus>>,
  identity: BusIdentity,
  target: DoorTarget | DoorKeeper,
): Promise<string> {
  const url = await openDoor(t, target);
  const node = await connectNode('attic-a', identity, url);
  node.subscribe('node.attic-a.>', { callback: (_error, message) => message.respond(message.data) });
  await node.flush();
  // Sizes around the steps of a WebSocket frame's length field, and one of many chunks.
  for (const size of [0, 1, 125, 126, 127, 65_000, 65_536, 900_000]) {
    const data = new Uint8Array(size).map((_, i) => i % 251);
    const answer = await bus.request('node.attic-a.x', data, 10_000);
    assert.ok(Buffer.from(answer).equals(Buffer.from(data)), `${size} bytes came back changed`);
  }
  await node.close();
  return node.publicKey;
}

async function openDoor(t: TestContext, target: DoorTarget | DoorKeeper): Promise<string> {
  const http = createServer();
  const door = attachWebSocketDoor(http, { path: '/nats', target: () => target, log: collectLog() });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  afterTest(t, () => {
    door.close();
    http.close();
  });
  return `ws://127.0.0.1:${(http.address() as AddressInfo).port}/nats`;
}

function openGate(
  t: TestContext,
  identity: BusIdentity,
  { servers, login }: Pick<NatsUrl, 'servers' | 'login'>,
): DoorKeeper {
  const bridge = createWebSocketBridge({ servers, gate: createNodeGate({ identity, login }), log: collectLog() });
  afterTest(t, bridge.close);
  return bridge;
}

/** With its ports left to the server that is started with it. */
function exportedConfig(identity: BusIdentity): string {
  return exportNatsConfig(identity, Math.floor(Date.now() / 1000)).replace(/^port: .*$|^websocket .*$/gm, '');
}

/** As `nsc` writes it. */
function writeCreds(t: TestContext, { jwt, key }: BusUser): string {
  const file = join(temporaryFolder(t), 'relay.creds');
  const block = (name: string, text: string) => `-----BEGIN ${name}-----\n${text}\n------END ${name}------\n\n`;
  writeFileSync(file, block('NATS USER JWT', jwt) + block('USER NKEY SEED', key.seed));
  return file;
}

/** Another id in a token whose signature stays. */
function altered(jwt: string): string {
  const [header, body = '', signature] = jwt.split('.');
  const claims = Buffer.from(body, 'base64url').toString('utf8').replace('attic-a', 'attic-b');
  return [header, Buffer.from(claims).toString('base64url'), signature].join('.');
}

function newIdentity(t: TestContext) {
  const folder = openDataFolder(temporaryFolder(t), { log: collectLog() });
  afterTest(t, folder.close);
  return { identity: readOrCreateBusIdentity(folder) };
}
