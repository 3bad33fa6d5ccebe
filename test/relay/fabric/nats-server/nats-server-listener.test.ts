import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { openDataFolder } from '../../../../relay/data-folder/data-folder.ts';
import { readOrCreateBusIdentity } from '../../../../relay/fabric/bus/bus-identity.ts';
import { findNatsBinary } from '../../../../relay/fabric/nats-server/nats-binary.ts';
import { type BusListener, natsConfigDigest } from '../../../../relay/fabric/nats-server/nats-config.ts';
import { startNatsServer } from '../../../../relay/fabric/nats-server/nats-server.ts';
import { afterTest } from '../../../support/after-test.ts';
import { startTestNats } from '../../../support/bus/nats.ts';
import { collectLog } from '../../../support/log.ts';
import { isProblem } from '../../../support/problems.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

/** A port, and somebody who listens on it until `leave`. */
async function takenPort(t: TestContext): Promise<{ port: number; leave(): Promise<unknown> }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const leave = async (): Promise<unknown> => server.listening && once(server.close(), 'close');
  afterTest(t, leave);
  return { port: (server.address() as AddressInfo).port, leave };
}

const at = (port: number, isPortNegotiable: boolean): BusListener => ({ host: '127.0.0.1', port, isPortNegotiable });

test('the bus listens on the port it was given', async (t) => {
  const { port, leave } = await takenPort(t);
  await leave();
  const { server } = await startTestNats(t, { listener: at(port, false) });
  assert.deepEqual([server.websocketPort, server.websocketUrl], [port, `ws://127.0.0.1:${port}`]);
});

test('who says nothing at the door of the bus, or nothing whole, is hung up on', { timeout: 60_000 }, async (t) => {
  const { server } = await startTestNats(t);
  const silent = connect(server.websocketPort, '127.0.0.1');
  const slow = connect(server.websocketPort, '127.0.0.1');
  const dripping = setInterval(() => slow.write('x-a: b\r\n'), 200);
  afterTest(t, () => clearInterval(dripping));
  slow.write('GET / HTTP/1.1\r\n');
  await Promise.all([silent, slow].map((socket) => once(socket.on('error', () => undefined).resume(), 'close')));
});

test('a port that is taken is refused by its name when it was asked for, and else replaced by a free one', async (t) => {
  const { port } = await takenPort(t);
  const { server, log } = await startTestNats(t, { listener: at(port, true) });
  assert.ok(server.websocketPort > 0 && server.websocketPort !== port);
  assert.match(log.lines.join('\n'), /^warn .*taken/m);
  const folder = openDataFolder(temporaryFolder(t), { log });
  afterTest(t, () => folder.close());
  const options = { dataFolder: folder, identity: readOrCreateBusIdentity(folder), log: collectLog() };
  await assert.rejects(
    startNatsServer({ ...options, binary: await findNatsBinary(), listener: at(port, false) }),
    isProblem('port_in_use', new RegExp(`Port ${port} .*--bus-port`)),
  );
});

test('a server goes on for a relay with another free port, and not for one with another address, port or TLS', (t) => {
  const folder = openDataFolder(temporaryFolder(t), { log: collectLog() });
  afterTest(t, () => folder.close());
  const identity = readOrCreateBusIdentity(folder);
  const digest = (listener: BusListener): string =>
    natsConfigDigest({ identity, folder: folder.path, version: '2.14.0', listener });
  const usual = digest(at(-1, true));
  assert.equal(digest(at(8_485, true)), usual);
  const tls = { certificate: '/tls/server.pem', authority: '/tls/ca.pem' };
  const others = [at(8_485, false), { ...at(-1, true), host: '0.0.0.0' }, { ...at(-1, true), tls }].map(digest);
  assert.equal(new Set([usual, ...others]).size, 4);
});
