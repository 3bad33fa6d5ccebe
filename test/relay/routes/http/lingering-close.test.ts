import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { lingerForBody } from '../../../../relay/routes/http/lingering-close.ts';
import { afterTest } from '../../../support/after-test.ts';
import { until } from '../../../support/until.ts';

const CLOSE = 'connection: close\r\n';

/** A client that has read the refusal of its request, of whose nine bytes it has sent none. */
async function openRefused(t: TestContext, { lingerMs, headers = '' }: { lingerMs?: number; headers?: string }) {
  const server = createServer((request, answer) => {
    lingerForBody(request, answer, lingerMs);
    answer.writeHead(413).end('no');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterTest(t, () => server.close());
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  afterTest(t, () => socket.destroy());
  socket.on('error', () => undefined);
  socket.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n${headers}\r\n`);
  assert.match(await nextText(socket), /413/);
  return { socket, connections: () => promisify(server.getConnections).call(server) };
}

async function nextText(socket: Socket): Promise<string> {
  const [text] = await once(socket, 'data');
  return String(text);
}

for (const [way, headers] of [
  ['ends with it', CLOSE],
  ['goes on', ''],
] as const) {
  test(`a client that never sends the rest of what was refused is cut off where its connection ${way}`, async (t) => {
    const { connections } = await openRefused(t, { lingerMs: 20, headers });
    await until(async () => (await connections()) === 0);
  });
}

test('a connection that is to end does so once what was refused has come', async (t) => {
  const { socket, connections } = await openRefused(t, { headers: CLOSE });
  await once(socket, 'end');
  assert.equal(await connections(), 1);
  socket.write('123456789');
  await until(async () => (await connections()) === 0);
});

test('a connection that went on is not cut off later, and ends after its last answer', async (t) => {
  const { socket, connections } = await openRefused(t, { lingerMs: 20 });
  socket.write('123456789');
  await new Promise((resolve) => setTimeout(resolve, 60));
  socket.write(`POST / HTTP/1.1\r\nhost: x\r\n${CLOSE}content-length: 1\r\n\r\nx`);
  assert.match(await nextText(socket), new RegExp(CLOSE.trim(), 'i'));
  await until(async () => (await connections()) === 0);
});
