import assert from 'node:assert/strict';
import { createHash, type webcrypto } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { mintNodeCredentials } from '../../../relay/fabric/bus/credentials.ts';
import { createNKey } from '../../../relay/fabric/bus/nkey.ts';
import { type BusConnectionOptions, connectToBus } from '../../../shared/agent/nats-connection.ts';
import { publicKeyText } from '../../../shared/identity/key-text.ts';
import type { Signer } from '../../../shared/identity/signer.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { afterTest } from '../../support/after-test.ts';
import { startTestNats } from '../../support/bus/nats.ts';
import { createInbox } from '../../support/inbox.ts';
import { mockTime, settled } from '../../support/pending-timers.ts';

const NODE = 'attic-a';
const text = new TextEncoder();

function optionsFor(url: string, changes: Partial<BusConnectionOptions> = {}) {
  const key = createNKey('user');
  const events = createInbox<'down' | 'up'>();
  const options: BusConnectionOptions = {
    url,
    nodeId: NODE,
    inboxPrefix: `_INBOX_${NODE}`,
    jwt: () => 'a.b.c',
    key: { publicKey: key.publicKey, sign: async (data) => key.sign(data) },
    signal: new AbortController().signal,
    onDown: () => events.push('down'),
    onUp: () => events.push('up'),
    ...changes,
  };
  return { key, events, options };
}

type Bridge = {
  url: string;
  upgrades: ReturnType<typeof createInbox<Duplex>>;
  open: boolean;
  hang(socket: Duplex): void;
  cutAll(): void;
};

/** A door in front of a bus that a test can shut: WebSockets are then opened, and nothing is said on them. */
async function openBridge(t: TestContext, busPort: number | undefined): Promise<Bridge> {
  const server = createServer();
  const sockets = new Set<Duplex>();
  const hung = new Set<Duplex>();
  const bridge: Bridge = {
    url: '',
    upgrades: createInbox(),
    open: true,
    hang: (socket) => {
      hung.add(socket);
      socket.unpipe();
      socket.pause();
    },
    cutAll: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
  server.on('upgrade', (request, socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    bridge.upgrades.push(socket);
    if (!bridge.open || busPort === undefined) {
      socket.write(welcomeTo(request));
      return;
    }
    const bus = connectTcp(busPort, '127.0.0.1');
    const lines = ['GET / HTTP/1.1'];
    for (let i = 0; i < request.rawHeaders.length; i += 2)
      lines.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}`);
    bus.write(`${lines.join('\r\n')}\r\n\r\n`);
    bus.on('error', () => bus.destroy());
    bus.on('close', () => hung.has(socket) || socket.destroy());
    socket.on('close', () => bus.destroy());
    socket.pipe(bus).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  bridge.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  afterTest(t, () => {
    bridge.cutAll();
    server.close();
  });
  return bridge;
}

function welcomeTo(request: IncomingMessage): string {
  // The constant is of RFC 6455.
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(key).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

/** Resolves when the other end has closed its WebSocket: by a close frame, the first thing it ever says, or by leaving. */
function goodbyeOn(socket: Duplex): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('close', resolve);
    socket.once('data', (bytes: Buffer) => {
      if (((bytes[0] ?? 0) & 0x0f) === 8) resolve();
      else reject(new Error('it went on talking'));
    });
  });
}

test('an attempt to connect ends at once when it is aborted, although the bus never answers', {
  timeout: 4_000,
}, async (t) => {
  const bridge = await openBridge(t, undefined);
  const stop = new AbortController();
  const { options } = optionsFor(bridge.url, { signal: stop.signal });
  const connecting = connectToBus(options);
  const gone = goodbyeOn(await bridge.upgrades.next());
  stop.abort(new Problem('cancelled', 'The owner changed their mind.'));
  await assert.rejects(connecting, { code: 'cancelled' });
  await gone;
  await assert.rejects(connectToBus(options), { code: 'cancelled' }, 'an attempt that begins too late');
});

test('a connection that is closed while it is being found again leaves no ghost behind', {
  timeout: 10_000,
}, async (t) => {
  const nats = await startTestNats(t);
  const bridge = await openBridge(t, Number(new URL(nats.server.websocketUrl).port));
  const { key, events, options } = optionsFor(bridge.url);
  const { jwt } = mintNodeCredentials(nats.identity, { nodeId: NODE, publicKey: key.publicKey, lifetimeSeconds: 60 });
  const connection = await connectToBus({ ...options, jwt: () => jwt });
  await bridge.upgrades.next();
  bridge.open = false;
  bridge.cutAll();
  assert.equal(await events.next(), 'down');
  const gone = goodbyeOn(await bridge.upgrades.next());
  await connection.close();
  await connection.closed;
  await gone;
  assert.doesNotThrow(() => connection.publish(`fabric.heartbeat.${NODE}`, text.encode('{}')));
  await connection.close();
});

test('a key that only signs in its own time gets in, and again after a cut', { timeout: 10_000 }, async (t) => {
  const nats = await startTestNats(t);
  const bridge = await openBridge(t, Number(new URL(nats.server.websocketUrl).port));
  const generated = await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']);
  const { publicKey, privateKey } = generated as webcrypto.CryptoKeyPair;
  let signed = 0;
  const key: Signer = {
    publicKey: publicKeyText('node', new Uint8Array(await crypto.subtle.exportKey('raw', publicKey))),
    sign: async (data) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      signed += 1;
      return new Uint8Array(await crypto.subtle.sign('Ed25519', privateKey, new Uint8Array(data)));
    },
  };
  const { events, options } = optionsFor(bridge.url, { key });
  const { jwt } = mintNodeCredentials(nats.identity, { nodeId: NODE, publicKey: key.publicKey, lifetimeSeconds: 60 });
  const connection = await connectToBus({ ...options, jwt: () => jwt });
  afterTest(t, connection.close);
  await connection.flush();
  bridge.cutAll();
  assert.deepEqual([await events.next(), await events.next()], ['down', 'up']);
  await connection.flush();
  assert.equal(signed, 2);
});

test('says when it is down and when it is up again, and hears what it listens to on the new connection', {
  timeout: 10_000,
}, async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const bridge = await openBridge(t, Number(new URL(nats.server.websocketUrl).port));
  const { key, events, options } = optionsFor(bridge.url);
  const { jwt } = mintNodeCredentials(nats.identity, { nodeId: NODE, publicKey: key.publicKey, lifetimeSeconds: 60 });
  const connection = await connectToBus({ ...options, jwt: () => jwt });
  afterTest(t, connection.close);
  connection.subscribe(`node.${NODE}.>`, ({ subject, data, reply }) => {
    assert.equal(subject, `node.${NODE}.echo`);
    connection.publish(reply ?? '', data);
  });
  bridge.cutAll();
  assert.equal(await events.next(), 'down');
  assert.equal(await events.next(), 'up');
  await connection.flush();
  const answer = await bus.request(`node.${NODE}.echo`, text.encode('hello'), 5_000);
  assert.equal(new TextDecoder().decode(answer), 'hello');
});

test('a peer that hangs is left although bytes for it are still unsent', { timeout: 20_000 }, async (t) => {
  const nats = await startTestNats(t);
  const bridge = await openBridge(t, Number(new URL(nats.server.websocketUrl).port));
  const { key, events, options } = optionsFor(bridge.url);
  const { jwt } = mintNodeCredentials(nats.identity, { nodeId: NODE, publicKey: key.publicKey, lifetimeSeconds: 60 });
  const time = mockTime(t);
  const connection = await connectToBus({ ...options, jwt: () => jwt });
  afterTest(t, connection.close);
  bridge.hang(await bridge.upgrades.next());
  for (let i = 0; i < 4; i++) connection.publish(`fabric.heartbeat.${NODE}`, new Uint8Array(8 * 1024 * 1024 - 1_000));
  while (bridge.upgrades.all.length < 2) {
    await settled();
    time.tick(1_000);
  }
  assert.equal(await events.next(), 'down');
});

test('a connection that ends takes with it the line that it has left, whose peer never said goodbye', {
  timeout: 20_000,
}, async (t) => {
  const nats = await startTestNats(t);
  const bridge = await openBridge(t, Number(new URL(nats.server.websocketUrl).port));
  const opened: WebSocket[] = [];
  const dropped: WebSocket[] = [];
  const openSocket = (url: string) => {
    const socket = new WebSocket(url);
    opened.push(socket);
    return { socket, drop: () => void dropped.push(socket) };
  };
  const { key, events, options } = optionsFor(bridge.url, { openSocket });
  const { jwt } = mintNodeCredentials(nats.identity, { nodeId: NODE, publicKey: key.publicKey, lifetimeSeconds: 60 });
  const time = mockTime(t);
  const connection = await connectToBus({ ...options, jwt: () => jwt });
  bridge.hang(await bridge.upgrades.next());
  while (!events.all.includes('up')) {
    await settled();
    time.tick(1_000);
  }
  await connection.close();
  assert.equal(dropped[0], opened[0]);
});

test('a line in doubt is left when it answers no more, and kept when it does', { timeout: 20_000 }, async (t) => {
  const nats = await startTestNats(t);
  const bridge = await openBridge(t, Number(new URL(nats.server.websocketUrl).port));
  const { key, events, options } = optionsFor(bridge.url);
  const { jwt } = mintNodeCredentials(nats.identity, { nodeId: NODE, publicKey: key.publicKey, lifetimeSeconds: 60 });
  const time = mockTime(t);
  const connection = await connectToBus({ ...options, jwt: () => jwt });
  afterTest(t, connection.close);
  connection.probe();
  await connection.flush();
  time.tick(LIMITS.acceptTimeoutMs);
  await settled();
  assert.deepEqual(events.all, []);
  bridge.hang(await bridge.upgrades.next());
  connection.probe();
  time.tick(LIMITS.acceptTimeoutMs);
  await settled();
  assert.deepEqual(events.all, ['down']);
});

test('[I5] a connection whose credentials expire comes back with the renewed ones', { timeout: 20_000 }, async (t) => {
  const nats = await startTestNats(t);
  const { key, events, options } = optionsFor(nats.server.websocketUrl);
  const mint = (lifetimeSeconds: number): string =>
    mintNodeCredentials(nats.identity, { nodeId: NODE, publicKey: key.publicKey, lifetimeSeconds }).jwt;
  let jwt = mint(3);
  const connection = await connectToBus({ ...options, jwt: () => jwt });
  afterTest(t, connection.close);
  jwt = mint(60);
  assert.equal(await events.next(), 'down');
  assert.equal(await events.next(), 'up');
  await connection.flush();
});

test('a message larger than the server takes is refused to whoever sends it, and harms nothing', async (t) => {
  const nats = await startTestNats(t);
  const { key, options } = optionsFor(nats.server.websocketUrl);
  const { jwt } = mintNodeCredentials(nats.identity, { nodeId: NODE, publicKey: key.publicKey, lifetimeSeconds: 60 });
  const connection = await connectToBus({ ...options, jwt: () => jwt });
  afterTest(t, connection.close);
  assert.throws(() => connection.publish(`fabric.heartbeat.${NODE}`, new Uint8Array(9 * 1024 * 1024)));
  await connection.flush();
});

test('tells a message that wants an answer from one that wants none', async (t) => {
  const nats = await startTestNats(t);
  const { key, options } = optionsFor(nats.server.websocketUrl);
  const { jwt } = mintNodeCredentials(nats.identity, { nodeId: NODE, publicKey: key.publicKey, lifetimeSeconds: 60 });
  const connection = await connectToBus({ ...options, jwt: () => jwt });
  afterTest(t, connection.close);
  const heard = createInbox<string | undefined>();
  connection.subscribe(`node.${NODE}.>`, ({ reply }) => heard.push(reply));
  await connection.flush();
  const bus = await nats.connectBus();
  bus.publish(`node.${NODE}.ping`, new Uint8Array());
  bus.publish(`node.${NODE}.ping`, new Uint8Array(), 'somewhere');
  assert.equal(await heard.next(), undefined);
  assert.equal(await heard.next(), 'somewhere');
});
