import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { mintNodeCredentials } from '../../../../relay/fabric/bus/credentials.ts';
import { createNKey } from '../../../../relay/fabric/bus/nkey.ts';
import { createWebSocketBridge } from '../../../../relay/fabric/door/websocket-bridge.ts';
import {
  attachWebSocketDoor,
  type DoorKeeper,
  type DoorTarget,
  type WebSocketDoor,
} from '../../../../relay/fabric/door/websocket-door.ts';
import { afterTest } from '../../../support/after-test.ts';
import { startTestNats } from '../../../support/bus/nats.ts';
import { startChild } from '../../../support/child.ts';
import { collectLog } from '../../../support/log.ts';
import { freePort } from '../../../support/network/free-port.ts';
import { until } from '../../../support/until.ts';

const NODE = new URL('../../../support/bus/nats-node.ts', import.meta.url);
/** Two sockets hold a read and a write buffer each; four times Node's 64 KiB is what they may come to, with room. */
const BOUND_BYTES = 1024 * 1024;

test('a node comes in through the port of the relay, and is cut off when the door closes', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const { url, door } = await openDoor(t, () => ({ host: '127.0.0.1', port: nats.server.websocketPort }));
  const node = await nats.connectNode('attic-a', { url });
  node.subscribe('node.attic-a.>', { callback: (_error, message) => message.respond(message.data) });
  await node.flush();
  const data = new Uint8Array(3_000_000).map((_, i) => i % 253);
  const answer = await bus.request('node.attic-a.x', data, 10_000);
  assert.ok(Buffer.from(answer).equals(Buffer.from(data)));
  assert.equal(door.connections(), 1);
  const gone = new Promise<string>((resolve) => bus.onNodeDisconnect(resolve));
  door.close();
  assert.equal(await gone, node.publicKey);
  await node.closed();
  assert.equal(door.connections(), 0);
});

test('a node that came in over a bridge is cut off when the door closes, so that the server can end', async (t) => {
  const nats = await startTestNats(t);
  const { hostname: host, port } = new URL(nats.server.url);
  const bridge = createWebSocketBridge({ servers: [{ host, port: Number(port) }], log: collectLog() });
  afterTest(t, () => bridge.close());
  const { url, door } = await openDoor(t, () => bridge);
  const node = await nats.connectNode('attic-a', { url });
  await node.flush();
  assert.equal(door.connections(), 1);
  door.close();
  await node.closed();
  assert.equal(door.connections(), 0);
});

test('a stalled node costs the relay no memory', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const { url, door } = await openDoor(t, () => ({ host: '127.0.0.1', port: nats.server.websocketPort }));
  const key = createNKey('user');
  const grant = { nodeId: 'attic-a', publicKey: key.publicKey, lifetimeSeconds: 60 };
  const child = startChild(t, NODE, [url, mintNodeCredentials(nats.identity, grant).jwt, key.seed]);
  assert.equal(await child.next(), 'connected');
  child.process.send('node.attic-a.>');
  assert.equal(await child.next(), 'subscribed');

  child.process.kill('SIGSTOP');
  let gone = false;
  bus.onNodeDisconnect(() => {
    gone = true;
  });
  let peak = 0;
  const data = new Uint8Array(64 * 1024);
  // The server gives up on the node once it holds 64 MB for it, or after its pings: what it was sent by then
  // is many times what the door may hold.
  for (let sent = 0; !gone; sent += data.length) {
    if (sent < 100e6) bus.publish('node.attic-a.x', data);
    await new Promise((resolve) => setImmediate(resolve));
    peak = Math.max(peak, door.bufferedBytes());
  }
  assert.ok(peak > 0, 'nothing was held, so the node was not stalled');
  assert.ok(peak < BOUND_BYTES, `the door held ${peak} bytes`);
});

test('a client that comes while the bus is down is told so and let go', async (t) => {
  const log = collectLog();
  let target: DoorTarget | undefined;
  const { port, door } = await openDoor(t, () => target, log);
  assert.match(await upgrade(port, '/nats'), /^HTTP\/1\.1 503 .*\r\n[\s\S]*"code":"bus_unavailable"/);
  target = { host: '127.0.0.1', port: await freePort() };
  assert.match(await upgrade(port, '/nats'), /^HTTP\/1\.1 503 .*\r\n[\s\S]*"code":"bus_unavailable"/);
  assert.deepEqual(log.lines, ['warn a node could not be let in: the bus does not answer']);
  assert.equal(door.connections(), 0);
});

test('a path without a listener is not found, and one with a listener reaches it', async (t) => {
  const { port } = await openDoor(t, () => undefined);
  assert.match(await upgrade(port, '/else'), /^HTTP\/1\.1 404 .*\r\n[\s\S]*"code":"unknown_url"/);
  assert.match(await upgrade(port, '/nats/'), /^HTTP\/1\.1 404 .*\r\n[\s\S]*"code":"unknown_url"/);

  const seen: string[] = [];
  const events = (request: IncomingMessage, socket: Duplex): void => {
    seen.push(request.url ?? '');
    socket.end('HTTP/1.1 418 Events\r\n\r\n');
  };
  const other = await openDoor(
    t,
    () => undefined,
    collectLog(),
    (http) => http.on('upgrade', events),
  );
  assert.match(await upgrade(other.port, '/events'), /^HTTP\/1\.1 418/);
  assert.match(await upgrade(other.port, '/nats?x=1'), /^HTTP\/1\.1 503/);
  assert.deepEqual(seen, ['/events']);
});

test('nobody can say through the door who it comes from', async (t) => {
  const received = Promise.withResolvers<string>();
  const upstream = await listenTcp(t, (socket) => {
    socket.once('data', (data) => {
      received.resolve(data.toString('latin1'));
      socket.end();
    });
  });
  const { port } = await openDoor(t, () => ({ host: '127.0.0.1', port: upstream }));
  await upgrade(port, '/nats', 'x-forwarded-for: 10.0.0.1\r\nX-FORWARDED-FOR: 10.0.0.2\r\nForwarded: for=10.0.0.3\r\n');
  const head = await received.promise;
  assert.match(head, /^GET \/ HTTP\/1\.1\r\n/);
  assert.deepEqual(head.match(/^.*forwarded.*$/gim), ['X-Forwarded-For: 127.0.0.1']);
  assert.match(head, new RegExp(`^Host: 127\\.0\\.0\\.1:${upstream}\r$`, 'm'));
});

test('a client of the bus that expects something of an upgrade is let in as any other', async (t) => {
  const nats = await startTestNats(t);
  const { port } = await openDoor(t, () => ({ host: '127.0.0.1', port: nats.server.websocketPort }));
  for (const headers of ['', 'Expect: x\r\n', 'Expect: 100-continue\r\n']) {
    const socket = connect(port, '127.0.0.1');
    socket.write(upgradeRequest('/nats', headers));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.match(answer.toString('latin1'), /^HTTP\/1\.1 101 /, headers);
    socket.destroy();
  }
});

test('when one side ends, the other is ended, and what was under way still arrives', async (t) => {
  const sockets: Socket[] = [];
  const upstream = await listenTcp(t, (socket) => {
    sockets.push(socket);
    socket.on('data', (data) => {
      if (String(data).includes('GET')) socket.end('the last words');
    });
  });
  const { port, door } = await openDoor(t, () => ({ host: '127.0.0.1', port: upstream }));
  assert.equal(await upgrade(port, '/nats'), 'the last words');
  await until(() => door.connections() === 0);

  const client = connect(port, '127.0.0.1');
  client.on('error', () => {});
  client.write(upgradeRequest('/nats'));
  await until(() => sockets.length === 2);
  client.destroy();
  await until(() => door.connections() === 0 && sockets.every((socket) => socket.destroyed));
});

type OpenDoor = { url: string; port: number; door: WebSocketDoor };

async function openDoor(
  t: TestContext,
  target: () => DoorTarget | DoorKeeper | undefined,
  log = collectLog(),
  prepare: (http: Server) => void = () => {},
): Promise<OpenDoor> {
  const http = createServer();
  prepare(http);
  const door = attachWebSocketDoor(http, { path: '/nats', target, log });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  afterTest(t, async () => {
    door.close();
    await new Promise((resolve) => http.close(resolve));
  });
  const { port } = http.address() as AddressInfo;
  return { url: `ws://127.0.0.1:${port}/nats`, port, door };
}

/** Sends a raw upgrade request and returns all that comes back until the other side hangs up. */
function upgrade(port: number, path: string, headers = ''): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    socket.on('data', (data) => {
      received += data.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(received));
    socket.write(upgradeRequest(path, headers));
  });
}

function upgradeRequest(path: string, headers = ''): string {
  const key = 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n';
  return `GET ${path} HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}${headers}\r\n`;
}

async function listenTcp(t: TestContext, onSocket: (socket: Socket) => void): Promise<number> {
  const server = createTcpServer(onSocket);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterTest(t, () => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}
