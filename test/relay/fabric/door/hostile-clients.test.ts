import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createFrameGuard } from '../../../../relay/fabric/door/frame-guard.ts';
import type { NodeGate } from '../../../../relay/fabric/door/node-gate.ts';
import { createWebSocketBridge } from '../../../../relay/fabric/door/websocket-bridge.ts';
import { attachWebSocketDoor, type DoorKeeper, type DoorTarget } from '../../../../relay/fabric/door/websocket-door.ts';
import { afterTest } from '../../../support/after-test.ts';
import { startTestNats } from '../../../support/bus/nats.ts';
import { collectLog } from '../../../support/log.ts';
import { type ClientFrame, clientFrame } from '../../../support/network/client-frame.ts';
import { until } from '../../../support/until.ts';

const PING: ClientFrame = { opcode: 'ping', payload: Buffer.alloc(125, 'p') };
/** What the buffers of any system take; who is not cut off sends many times as much within its seconds. */
const FLOOD_BYTES = 256 * 1024 * 1024;

test('a guard passes what libraries send, in whatever pieces it comes, and no more pings than they need', () => {
  let now = 0;
  const messages: ClientFrame[] = [0, 5, 125, 126, 70_000].map((bytes) => ({
    opcode: 'binary',
    payload: Buffer.alloc(bytes, PING_HEAD),
  }));
  const stream = Buffer.concat(messages.map(clientFrame));
  for (const size of [1, 3, 7, 1_000, stream.length]) {
    const guard = createFrameGuard(() => now);
    for (let at = 0; at < stream.length; at += size) {
      assert.equal(guard.wrongWith(stream.subarray(at, at + size)), undefined);
    }
  }
  const guard = createFrameGuard(() => now);
  const ping = clientFrame(PING);
  for (let sent = 0; sent < 1_000; sent++) {
    assert.equal(guard.wrongWith(ping), undefined);
    now += 1_000;
  }
  const flood = Array.from({ length: 100 }, () => guard.wrongWith(ping));
  assert.ok(flood.some((wrong) => wrong?.includes('more pings')));
});

test('a guard finds frames that are compressed, bare, or longer than all messages', () => {
  const wrong = (frame: ClientFrame) => createFrameGuard().wrongWith(clientFrame(frame));
  assert.match(wrong({ opcode: 'binary', payload: Buffer.alloc(9), isCompressed: true }) ?? '', /compressed/);
  assert.match(wrong({ opcode: 'binary', claimedBytes: 2n ** 64n - 50n }) ?? '', /longer than any message/);
  assert.match(createFrameGuard().wrongWith(Buffer.of(0x82, 1, 0, 0, 0, 0)) ?? '', /not masked/);
});

test('a stranger that pings without end is cut off, and the server holds nothing of it', async (t) => {
  const nats = await startTestNats(t);
  const log = collectLog();
  const port = await openDoor(t, { host: '127.0.0.1', port: nats.server.websocketPort }, log);
  const stranger = await openRaw(t, port);
  // The server's own limit of time for strangers ends a connection only once what it holds is sent, or after ten seconds.
  const forwarded = await floodUntilCut(stranger, clientFrame(PING));
  assert.ok(forwarded < FLOOD_BYTES, `${forwarded} bytes were taken of it`);
  assert.deepEqual(log.lines, ['warn a client of the bus was cut off']);
});

test('where the relay ends the WebSocket itself, one that pings without end is cut off', async (t) => {
  const upstream = await listenTcp(t, () => undefined);
  const bridge = createWebSocketBridge({ servers: [{ host: '127.0.0.1', port: upstream }], log: collectLog() });
  afterTest(t, () => bridge.close());
  const stranger = await openRaw(t, await openDoor(t, bridge));
  await floodUntilCut(stranger, clientFrame(PING));
});

for (const isGated of [true, false]) {
  test(`a stranger cannot fill the memory before it is let in (${isGated ? 'the relay' : 'the server'} checks)`, async (t) => {
    const servers: Socket[] = [];
    const upstream = await listenTcp(t, (socket) => {
      servers.push(socket);
      socket.write('INFO {"nonce":"x"}\r\n');
    });
    const gate: NodeGate = { newcomer: () => ({ greet: (info) => info, admit: () => assert.fail('it said no line') }) };
    const bridge = createWebSocketBridge({
      servers: [{ host: '127.0.0.1', port: upstream }],
      log: collectLog(),
      ...(isGated && { gate }),
      // As if strangers had for ever: what ends this one is what it says.
      entryMs: 2 ** 30,
    });
    afterTest(t, () => bridge.close());
    const stranger = await openRaw(t, await openDoor(t, bridge));
    const part = { payload: Buffer.alloc(60_000), isPart: true };
    stranger.write(clientFrame({ opcode: 'binary', ...part }));
    const taken = await floodUntilCut(stranger, clientFrame({ opcode: 'continuation', ...part }));
    assert.ok(taken < FLOOD_BYTES, `${taken} bytes were taken of it`);
    await until(() => servers.every((socket) => socket.destroyed));
  });
}

/** So that what is taken for the head of a frame, and is none, is found. */
const PING_HEAD = 0x89;

async function openDoor(t: TestContext, target: DoorTarget | DoorKeeper, log = collectLog()): Promise<number> {
  const http = createServer();
  const door = attachWebSocketDoor(http, { path: '/', target: () => target, log });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  afterTest(t, () => {
    door.close();
    http.close();
  });
  return (http.address() as AddressInfo).port;
}

/** A WebSocket without a library, so that it does as no library would. */
async function openRaw(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  afterTest(t, () => socket.destroy());
  socket.on('error', () => undefined);
  const version = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
  socket.write(`GET / HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${version}\r\n\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.match(String(answer), /^HTTP\/1\.1 101/);
  return socket;
}

/** Sends the same again and again and reads nothing, until it is cut off; returns how much the other side has taken. */
async function floodUntilCut(socket: Socket, bytes: Buffer): Promise<number> {
  socket.pause();
  const flood = Buffer.concat(Array.from({ length: Math.ceil(65_536 / bytes.length) }, () => bytes));
  const write = (): void => {
    while (!socket.destroyed && socket.write(flood));
  };
  socket.on('drain', write);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  write();
  await closed;
  return socket.bytesWritten;
}

async function listenTcp(t: TestContext, onSocket: (socket: Socket) => void): Promise<number> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    afterTest(t, () => socket.destroy());
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterTest(t, () => server.close());
  return (server.address() as AddressInfo).port;
}
