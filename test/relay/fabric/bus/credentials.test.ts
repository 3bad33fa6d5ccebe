import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, jwtAuthenticator } from 'nats.ws';
import { fabricAccountJwt, mintNodeCredentials } from '../../../../relay/fabric/bus/credentials.ts';
import { createNKey, nkeyFromSeed } from '../../../../relay/fabric/bus/nkey.ts';
import { publishError, subscriptionError } from '../../../support/bus/bus-permissions.ts';
import { startTestNats } from '../../../support/bus/nats.ts';
import { until } from '../../../support/until.ts';

const text = new TextDecoder();
const empty = new Uint8Array();

test('a key survives its seed, and signs as the NATS library does', async () => {
  const { fromSeed } = await import('@nats-io/nkeys');
  const key = createNKey('user');
  assert.match(key.publicKey, /^U[A-Z2-7]{55}$/);
  assert.equal(nkeyFromSeed(key.seed).publicKey, key.publicKey);
  const data = new TextEncoder().encode('nonce');
  const library = fromSeed(new TextEncoder().encode(key.seed));
  assert.deepEqual(Buffer.from(key.sign(data)), Buffer.from(library.sign(data)));
});

test('an id that is more than one plain token is refused before anything is signed', async (t) => {
  const { identity } = await startTestNats(t);
  const { publicKey } = createNKey('user');
  for (const nodeId of ['*', '>', 'a.b', 'a b', '', 'A', '{{name()}}', 'attic-*']) {
    assert.throws(() => mintNodeCredentials(identity, { nodeId, publicKey, lifetimeSeconds: 60 }), TypeError, nodeId);
  }
  const grant = { nodeId: 'attic', publicKey: createNKey('account').publicKey, lifetimeSeconds: 60 };
  assert.throws(() => mintNodeCredentials(identity, grant), { code: 'invalid_value' });
});

test('a node hears what is meant for it and nothing else', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const cellar = await nats.connectNode('cellar-b');
  const forbidden = [
    'node.attic-a.>',
    'node.attic-a.llm.request',
    'node.*.llm.request',
    '*.*.llm.request',
    '>',
    '_INBOX.>',
    '_INBOX_attic-a.>',
    'fabric.heartbeat.*',
    'fabric.reply.>',
    'fabric.reply.cellar-b.>',
    'fabric.>',
    '$SYS.>',
    '$JS.API.>',
  ];
  for (const subject of forbidden) assert.match(await subscriptionError(cellar, subject), /Permissions Violation/);
  assert.match(await subscriptionError(cellar, 'node.attic-a.>', 'queue'), /Permissions Violation/);

  const heard: string[] = [];
  cellar.subscribe('node.cellar-b.>', { callback: (_error, message) => heard.push(message.subject) });
  cellar.subscribe('fabric.capabilities.discover', { callback: (_error, message) => heard.push(message.subject) });
  await cellar.flush();
  bus.publish('node.attic-a.llm.request', empty, bus.openReply(() => {}, 'attic-a').subject);
  bus.publish('fabric.capabilities.discover', empty);
  bus.publish('node.cellar-b.llm.request', empty);
  await until(() => heard.length >= 2);
  assert.deepEqual(heard, ['fabric.capabilities.discover', 'node.cellar-b.llm.request']);
});

test('a node speaks for itself and for nobody else', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const cellar = await nats.connectNode('cellar-b');
  const heard: string[] = [];
  bus.subscribe('fabric.>', (subject) => heard.push(subject));
  bus.subscribe('node.>', (subject) => heard.push(subject));
  const answers: string[] = [];
  const named = bus.openReply((data) => answers.push(text.decode(data)), 'attic-a');
  const unnamed = bus.openReply((data) => answers.push(text.decode(data)));
  await assert.rejects(bus.request('nobody.listens', empty, 1_000), { code: 'node_lost' });

  for (const subject of ['fabric.heartbeat.attic-a', 'node.attic-a.llm.request', named.subject, unnamed.subject]) {
    assert.match(await publishError(cellar, subject), /Permissions Violation/, subject);
  }
  for (const subject of ['$SYS.REQ.SERVER.PING', '$SYS.REQ.CLAIMS.UPDATE', '$JS.API.STREAM.LIST']) {
    assert.match(await publishError(cellar, subject), /Permissions Violation/, subject);
  }
  cellar.publish('fabric.heartbeat.cellar-b');
  await until(() => heard.length > 0);
  assert.deepEqual(heard, ['fabric.heartbeat.cellar-b']);
  assert.deepEqual(answers, []);
});

test('a node streams its answer to the one who asked', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const attic = await nats.connectNode('attic-a');
  attic.subscribe('node.attic-a.llm.request', {
    callback: (_error, message) => {
      for (let i = 0; i < 500; i += 1) message.respond(new TextEncoder().encode(String(i)));
    },
  });
  await attic.flush();
  for (const nodeId of ['attic-a', undefined]) {
    const frames: string[] = [];
    const reply = bus.openReply((data) => frames.push(text.decode(data)), nodeId);
    bus.publish('node.attic-a.llm.request', empty, reply.subject);
    await until(() => frames.length >= 500);
    assert.deepEqual(
      frames,
      Array.from({ length: 500 }, (_, i) => String(i)),
    );
    reply.close();
  }
});

test('nobody comes in without a token, with a stolen one, with a home-made one or with an old one', async (t) => {
  const nats = await startTestNats(t);
  const { identity, server } = nats;
  const servers = server.websocketUrl;
  await assert.rejects(connect({ servers, reconnect: false }), { code: 'AUTHORIZATION_VIOLATION' });

  const key = createNKey('user');
  const grant = { nodeId: 'attic-a', publicKey: key.publicKey, lifetimeSeconds: 60 };
  const { jwt } = mintNodeCredentials(identity, grant);
  const thief = new TextEncoder().encode(createNKey('user').seed);
  await assert.rejects(connect({ servers, reconnect: false, authenticator: jwtAuthenticator(jwt, thief) }), {
    code: 'AUTHORIZATION_VIOLATION',
  });

  const forger = { ...identity, nodeSigner: createNKey('account') };
  const forged = mintNodeCredentials(forger, grant).jwt;
  await assert.rejects(nats.connectNode('attic-a', { key, jwt: forged }), { code: 'AUTHORIZATION_VIOLATION' });

  const old = mintNodeCredentials(identity, { ...grant, now: () => Date.now() - 120_000 }).jwt;
  await assert.rejects(nats.connectNode('attic-a', { key, jwt: old }), /expired|Authorization/i);
  await nats.connectNode('attic-a', { key, jwt });
});

test('a token ends the connection it opened when it runs out', async (t) => {
  const nats = await startTestNats(t);
  const attic = await nats.connectNode('attic-a', { lifetimeSeconds: 2 });
  const reason = await attic.closed();
  assert.match(String(reason), /expired|AUTHENTICATION_EXPIRED/i);
});

test('a revoked node is cut off, cannot come back, and not after a restart of the server either', async (t) => {
  const revocations: Record<string, number> = {};
  const nats = await startTestNats(t, { revocations: () => revocations });
  const bus = await nats.connectBus();
  const key = createNKey('user');
  const attic = await nats.connectNode('attic-a', { key });
  const cellar = await nats.connectNode('cellar-b', { reconnect: true });
  const now = Math.floor(Date.now() / 1000) + 1;
  revocations[key.publicKey] = now;
  await bus.updateAccount(fabricAccountJwt(nats.identity, now, revocations));
  await attic.closed();
  await assert.rejects(nats.connectNode('attic-a', { key }), { code: 'AUTHORIZATION_VIOLATION' });
  await cellar.flush();

  const up = new Promise<void>((resolve) => nats.server.onUp(resolve));
  process.kill(nats.server.pid, 'SIGKILL');
  await up;
  await assert.rejects(nats.connectNode('attic-a', { key }), { code: 'AUTHORIZATION_VIOLATION' });
});
