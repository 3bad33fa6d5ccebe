import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect as connectTo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fetchTrusting } from '../../main/headless/fetch-trusting.ts';
import { type ConnectToBus, connectToBus } from '../../shared/agent/nats-connection.ts';
import { parseInvitation } from '../../shared/identity/pairing-link.ts';
import { afterTest } from '../support/after-test.ts';
import { watchedConnect } from '../support/bus/watched-connect.ts';
import { sparewatt } from '../support/command.ts';
import { freePort } from '../support/network/free-port.ts';
import { askForNode, LAN, makeTlsCode, needsLan, watchedTls } from '../support/network/tls-relay.ts';
import { makeCode, startRemoteAgent } from '../support/pairing.ts';
import { startTestPool } from '../support/pool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

type Ready = { url: string; natsUrl: string; apiKey: string; adminToken: string };

/** A relay in a process of its own that other machines reach. */
async function startRelayProcess(t: TestContext, data: string, port: string, flags: readonly string[]) {
  const place = ['--host', LAN ?? '', '--port', port, '--no-announce', '--data', data];
  const relay = sparewatt(['relay', ...place, ...flags, '--ready-json', '--log-level', 'silent']);
  afterTest(t, () => {
    relay.child.kill('SIGTERM');
    return relay.exit;
  });
  return { relay, ...(JSON.parse(await relay.firstLine()) as Ready) };
}

function isListening(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connectTo(Number(port), hostname, () => resolve(true)).on('error', () => resolve(false));
    socket.unref().once('connect', () => socket.destroy());
  });
}

for (const [name, flags, end] of [
  ['is killed', [], 'SIGKILL'],
  ['with TLS is killed', ['--tls'], 'SIGKILL'],
  ['is stopped', ['--keep-bus'], 'SIGTERM'],
] as const) {
  test(
    `[L10] a node of another machine stays connected while the relay ${name} and started again`,
    needsLan,
    async (t) => {
      const data = temporaryFolder(t);
      const first = await startRelayProcess(t, data, String(await freePort(LAN)), flags);
      const isTls = flags.some((flag) => flag === '--tls');
      const ask = isTls ? fetchTrusting(readFileSync(join(data, 'relay', 'tls', 'ca.pem'), 'utf8')) : fetch;
      const { link } = await makeTlsCode(ask, first.url, first.adminToken);
      const { seen, connect } = watchedConnect();
      const node = { connect, fetch, invitation: parseInvitation(link), ...(isTls ? { tls: watchedTls() } : {}) };
      const nodeId = await startRemoteAgent(t, first.url, node).ready;
      assert.match(seen.directUrl ?? '', new RegExp(`^${isTls ? 'wss' : 'ws'}://${LAN}:\\d+$`));
      await until(async () => (await askForNode(ask, first.url, first.apiKey)) === nodeId);

      first.relay.child.kill(end);
      await first.relay.exit;
      const isKeeping = flags.some((flag) => flag === '--keep-bus');
      if (isKeeping) assert.equal(await isListening(first.natsUrl), true);
      const after = flags.filter((flag) => flag !== '--keep-bus');
      const second = await startRelayProcess(t, data, new URL(first.url).port, after);
      assert.deepEqual([second.url, second.natsUrl], [first.url, first.natsUrl]);
      await until(async () => (await askForNode(ask, second.url, second.apiKey)) === nodeId);
      assert.deepEqual([seen.down, seen.up], [0, 0]);

      second.relay.child.kill('SIGTERM');
      await second.relay.exit;
      assert.equal(await isListening(second.natsUrl), false, 'a relay that is not told to keep its bus ends it');
    },
  );
}

test(
  '[L11] a node that does not reach the listener comes in through the relay’s own port, and works',
  needsLan,
  async (t) => {
    const pool = await startTestPool(t, { host: LAN ?? '', announce: { when: false }, dataFolder: temporaryFolder(t) });
    const { code } = await makeCode(pool.relay);
    const directUrl = `ws://${LAN}:${await freePort(LAN)}`;
    const connect: ConnectToBus = (options) => {
      assert.match(options.directUrl ?? '', /^ws:/);
      return connectToBus({ ...options, directUrl });
    };
    const agent = startRemoteAgent(t, pool.relay.url, { connect, fetch, invitation: { code } });
    const nodeId = await agent.ready;
    await until(() => pool.relay.nodes().includes(nodeId));
    assert.equal(await askForNode(fetch, pool.relay.url, pool.relay.apiKey), nodeId);
  },
);
