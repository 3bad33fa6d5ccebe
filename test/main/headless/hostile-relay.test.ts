import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type WebSocket, WebSocketServer } from 'ws';
import { fileUrl, requestFile } from '../../../main/headless/models/hub.ts';
import { createRelayFetch } from '../../../main/headless/models/relay-fetch.ts';
import { sourcesFor } from '../../../main/headless/models/sources.ts';
import { fetchJobFile } from '../../../main/headless/tools/job-file-transfer.ts';
import { startAgent } from '../../../shared/agent/agent.ts';
import { connectToBus } from '../../../shared/agent/nats-connection.ts';
import { postToRelay } from '../../../shared/agent/relay-http.ts';
import { fingerprintOf } from '../../../shared/identity/certificate-fingerprint.ts';
import { afterTest } from '../../support/after-test.ts';
import { collectLog } from '../../support/log.ts';
import { newAuthority, serverIdentity } from '../../support/network/tls.ts';
import { ATTIC } from '../../support/nodes/scripted-agent.ts';
import { isProblem } from '../../support/problems.ts';
import { createControlledRuntime } from '../../support/runtimes/controlled-runtime.ts';
import { fetchFromRelay } from '../../support/scripted-relay.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const never = new AbortController().signal;

/** A server of this machine, and what it was asked. */
async function serve(t: TestContext, answer: RequestListener): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterTest(t, () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test('a relay cannot send what a node says to it to another machine', async (t) => {
  const router = await serve(t, (_request, response) => response.end('{}'));
  const relay = await serve(t, (_request, response) => {
    response.writeHead(307, { location: `${router.url}/reboot` }).end();
  });
  const asked = postToRelay({ relayUrl: relay.url, fetch, signal: never }, '/v1/nodes/enroll', {}, () => null);
  await assert.rejects(asked, isProblem('relay_unreachable', /sends elsewhere, which is not followed/));
  assert.equal(relay.asked.length, 1);
  assert.deepEqual(router.asked, []);
});

/** A node of a relay that tells it where the bus is, and what the node logs. */
function startNode(t: TestContext, relayUrl: string, bus: { busUrl?: string; busPath?: string }) {
  const log = collectLog();
  const agent = startAgent({
    ...ATTIC,
    relayUrl,
    slots: 1,
    runtime: createControlledRuntime(),
    connect: connectToBus,
    fetch: fetchFromRelay({ jwt: 'a.b.c', ...bus }),
    now: Date.now,
    log,
  });
  afterTest(t, () => agent.close());
  return log;
}

test('a relay cannot have a node knock at another machine for its bus', async (t) => {
  const router = await serve(t, (_request, response) => response.writeHead(404).end());
  const relay = await serve(t, (_request, response) => response.writeHead(404).end());
  // Another machine by its name.
  const reboot = `//${new URL(router.url).host.replace('127.0.0.1', 'localhost')}/setup.cgi?reboot`;
  startNode(t, relay.url, { busUrl: `ws:${reboot}` });
  await until(() => relay.asked.length > 0 || router.asked.length > 0);
  for (const busPath of [reboot, `http:${reboot}`, `/\\${reboot.slice(2)}`]) {
    const log = startNode(t, relay.url, { busPath });
    await until(() => log.lines.some((line) => /enrolment response at \/busPath/.test(line)));
  }
  assert.deepEqual(router.asked, []);
});

test('a relay cannot have a node ask anything of a port of its machine but for the bus', async (t) => {
  const relay = await serve(t, (_request, response) => response.writeHead(404).end());
  startNode(t, relay.url, { busUrl: `${relay.url.replace('http', 'ws')}/setup.cgi?reboot` });
  await until(() => relay.asked.includes('GET /nats'));
  assert.deepEqual([...new Set(relay.asked)].sort(), ['GET /', 'GET /nats']);
});

const INFO = `INFO ${JSON.stringify({ server_id: 'x', version: '2.14.0', proto: 1, headers: true, nonce: 'n' })} \r\n`;
const MEBIBYTE = Buffer.alloc(1024 * 1024, 'a');

/** A bus that greets each node, answers its first PING, and says something else then, until the line has ended. */
async function serveBus(
  t: TestContext,
  say: (socket: WebSocket) => void,
  greeting: string | Buffer = Buffer.from(INFO),
) {
  const bus = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(bus, 'listening');
  afterTest(t, () => {
    for (const socket of bus.clients) socket.terminate();
    bus.close();
  });
  const lines = { ended: 0 };
  bus.on('connection', (socket) => {
    socket.on('close', () => {
      lines.ended += 1;
    });
    socket.send(greeting);
    socket.on('message', (said) => {
      if (!String(said).includes('PING')) return;
      socket.send(Buffer.from('PONG\r\n'));
      say(socket);
    });
  });
  return { lines, url: `http://127.0.0.1:${(bus.address() as AddressInfo).port}` };
}

function sendOn(socket: WebSocket, piece: Buffer): void {
  socket.send(piece, (error) => (error ? undefined : sendOn(socket, piece)));
}

for (const [what, say] of [
  ['text', (socket: WebSocket) => socket.send('99999999999999')],
  ['no line of the bus', (socket: WebSocket) => socket.send(Buffer.from('\u001b]0;owned\u0007\r\n'))],
  ['a greeting that is not JSON', (socket: WebSocket) => socket.send(Buffer.from('INFO {\u001b[2J}\r\n'))],
  ['a line that does not end', (socket: WebSocket) => sendOn(socket, MEBIBYTE)],
  ['a message without end', (socket: WebSocket) => socket.send(Buffer.from('MSG node.x.ping 1 999999999\r\n'))],
  ['more than a message', (socket: WebSocket) => socket.send(Buffer.from('MSG node.x.ping 1 1\r\naMSG b 1 9\r\n'))],
] as const) {
  test(`a bus that says ${what} is hung up on, and the node comes back`, async (t) => {
    const bus = await serveBus(t, say);
    const printed = t.mock.method(console, 'log', () => undefined);
    startNode(t, bus.url, {});
    await until(() => bus.lines.ended >= 2);
    assert.equal(printed.mock.callCount(), 0);
  });
}

for (const [what, greeting] of [
  ['text', INFO],
  ['no line', MEBIBYTE],
] as const) {
  test(`a bus that greets with ${what} is hung up on, and the node comes back`, async (t) => {
    const bus = await serveBus(t, () => undefined, greeting);
    startNode(t, bus.url, {});
    await until(() => bus.lines.ended >= 2);
  });
}

test('an answer of a relay that does not end is given up', async (t) => {
  let sent = 0;
  const relay = await serve(t, (_request, response) => {
    const piece = Buffer.alloc(1024 * 1024, ' ');
    const more = (): void => {
      while (!response.destroyed && sent < 256) {
        sent += 1;
        if (!response.write(piece)) return;
      }
      response.end();
    };
    response.on('drain', more);
    more();
  });
  const asked = postToRelay({ relayUrl: relay.url, fetch, signal: never }, '/v1/nodes/enroll', {}, () => null);
  await assert.rejects(asked, isProblem('relay_unreachable', /does not answer/));
  assert.ok(sent < 64, `${sent} MiB were taken`);
});

test('a relay that mirrors a model cannot send a node to another machine for its files', async (t) => {
  const router = await serve(t, (_request, response) => response.end('secret'));
  const lock = { model: 'lab/chat', revision: 'main', complete: true, files: {} };
  const relay = await serve(t, (request, response) => {
    if (request.url?.includes('/lock/')) response.end(JSON.stringify(lock));
    else response.writeHead(302, { location: `${router.url}/setup.cgi` }).end();
  });
  const options = { relayUrl: relay.url, relayFetch: createRelayFetch(relay.url, async () => undefined) };
  const wanted = { id: 'lab/chat', revision: 'main', folder: 'x' };
  const [source] = sourcesFor(options, wanted, { files: {} } as never, never);
  const { hub } = (await source?.open()) ?? assert.fail();
  const { response } = await requestFile(fileUrl(hub, 'lab/chat', 'main', 'config.json'), hub, 0, never);
  assert.equal(response.status, 302);
  assert.deepEqual(router.asked, []);
});

for (const status of [204, 205, 304, 999]) {
  test(`a relay that answers ${status} for a file ends no node`, async (t) => {
    const authority = newAuthority(t);
    const server = createSecureServer(serverIdentity(authority), (_request, response) =>
      response.writeHead(status).end(),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    afterTest(t, () => new Promise((resolve) => server.close(resolve)));
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const fingerprint = await fingerprintOf(authority.certificate);
    const fetch = createRelayFetch(url, async () => fingerprint);
    await fetch(`${url}/mirror/x`, { signal: never }).then(
      (response) => assert.equal(response.ok && response.body !== null, false),
      (error: unknown) => assert.match(String(error), new RegExp(`${status}`)),
    );
  });
}

test('a relay cannot fill the disk of a node with the file of a job', async (t) => {
  const relay = await serve(t, (_request, response) => response.end('x'));
  const files = { path: '/f', token: 't', inputs: [], mostOutputs: 1, mostOutputBytes: 1, relayUrl: relay.url };
  const path = join(temporaryFolder(t), 'input');
  const huge = { file_id: 'file_1', sha256: 'a'.repeat(64), bytes: 1_001 };
  await assert.rejects(
    fetchJobFile(files, huge, { path, mostBytes: 1_000 }, never),
    isProblem('file_too_large', /1000 bytes/),
  );
  assert.deepEqual(relay.asked, []);
  assert.equal(existsSync(path), false);
});
