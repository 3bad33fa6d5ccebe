import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { openDataFolder } from '../../../relay/data-folder/data-folder.ts';
import { connectBus } from '../../../relay/fabric/bus.ts';
import { externalBus } from '../../../relay/fabric/bus-address.ts';
import { readOrCreateBusIdentity } from '../../../relay/fabric/bus-identity.ts';
import { exportNatsConfig } from '../../../relay/fabric/nats-config.ts';
import { createWebSocketBridge } from '../../../relay/fabric/websocket-bridge.ts';
import { attachWebSocketDoor, type DoorKeeper, type DoorTarget } from '../../../relay/fabric/websocket-door.ts';
import { afterTest } from '../../support/after-test.ts';
import { startForeignNats } from '../../support/foreign-nats.ts';
import { collectLog } from '../../support/log.ts';
import { connectNode } from '../../support/nats.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('a server without rights of its own serves relay and nodes, which come in through the door', async (t) => {
  const { identity } = newIdentity(t);
  for (const [config, login] of [
    ['', ''],
    ['authorization { user: u, password: "p@ss" }', 'u:p%40ss@'],
    ['authorization { token: secret }', 'secret@'],
  ] as const) {
    const ports = await startForeignNats(t, config);
    const url = `nats://${login}127.0.0.1:${ports.nats}`;
    const bus = await connectBus({
      ...externalBus({ urls: url, usesOurOperator: false }, identity),
      log: collectLog(),
    });
    afterTest(t, bus.close);
    assert.equal(bus.hasNodeEvents, false);
    assert.equal(bus.isConnected(), true);
    if (login === '') {
      const bridge = createWebSocketBridge({ host: '127.0.0.1', port: ports.nats }, collectLog());
      afterTest(t, bridge.close);
      await assertNodeAnswers(t, bus, identity, bridge);
    }
    await bus.close();
  }
});

test('a server with the exported configuration keeps nodes apart and tells when they go', async (t) => {
  const { identity } = newIdentity(t);
  const config = exportNatsConfig(identity, Math.floor(Date.now() / 1000));
  for (const secret of Object.values(identity)) assert.ok(!config.includes(secret.seed), 'a secret was exported');
  const ports = await startForeignNats(t, config.replace(/^port: .*$|^websocket .*$/gm, ''));
  const options = externalBus({ urls: `nats://127.0.0.1:${ports.nats}`, usesOurOperator: true }, identity);
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
  identity: ReturnType<typeof readOrCreateBusIdentity>,
  target: DoorTarget | DoorKeeper,
): Promise<string> {
  const http = createServer();
  const door = attachWebSocketDoor(http, { path: '/nats', target: () => target, log: collectLog() });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  afterTest(t, () => {
    door.close();
    http.close();
  });
  const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/nats`;
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

function newIdentity(t: TestContext) {
  const folder = openDataFolder(temporaryFolder(t), { log: collectLog() });
  afterTest(t, folder.close);
  return { identity: readOrCreateBusIdentity(folder) };
}
