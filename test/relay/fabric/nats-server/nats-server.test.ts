import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { NatsConnection } from 'nats.ws';
import { type DataFolder, openDataFolder } from '../../../../relay/data-folder/data-folder.ts';
import { readOrCreateBusIdentity } from '../../../../relay/fabric/bus/bus-identity.ts';
import { findNatsBinary } from '../../../../relay/fabric/nats-server/nats-binary.ts';
import { type NatsServer, startNatsServer } from '../../../../relay/fabric/nats-server/nats-server.ts';
import { isAlive } from '../../../../relay/fabric/nats-server/nats-server-process.ts';
import { afterTest } from '../../../support/after-test.ts';
import { startForeignNats } from '../../../support/bus/foreign-nats.ts';
import { startTestNats } from '../../../support/bus/nats.ts';
import { startChild } from '../../../support/child.ts';
import { collectLog } from '../../../support/log.ts';
import { noFileSentence, withEachNoFile } from '../../../support/no-files.ts';
import { isProblem } from '../../../support/problems.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { until } from '../../../support/until.ts';

const OWNER = new URL('../../../support/bus/nats-owner.ts', import.meta.url);
const linuxOnly = process.platform !== 'linux' && 'only Linux tells the command line of a process here';

type OwnerReport = { pid: number; url: string; websocketUrl: string; adopted: boolean };

test('a server listens on this machine alone, and after stop nothing of it is left', async (t) => {
  const { server, folder } = await startTestNats(t);
  assert.equal(server.adopted, false);
  assert.match(server.url, /^nats:\/\/127\.0\.0\.1:\d+$/);
  assert.match(server.websocketUrl, /^ws:\/\/127\.0\.0\.1:\d+$/);
  const { pid } = server;
  if (process.platform !== 'win32') {
    assert.doesNotThrow(
      () => process.kill(-pid, 0),
      'it leads no process group: a Ctrl-C would end it before the relay',
    );
  }
  await Promise.all([server.stop(), server.stop()]);
  assert.equal(isAlive(pid), false);
  assert.equal(await accepts(server.url), false);
  assert.deepEqual(readdirSync(folder.file('nats', 'ports')), []);
  assert.equal(existsSync(folder.file('nats', 'server.json')), false);
});

test('a server that dies is started again on the same ports, and the bus comes back by itself', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const node = await nats.connectNode('attic-a', { reconnect: true });
  const nodeIsBack = reconnected(node);
  const events: string[] = [];
  nats.server.onDown(() => events.push('server down'));
  nats.server.onUp(() => events.push('server up'));
  bus.onDown(() => events.push('bus down'));
  bus.onUp(() => events.push('bus up'));
  const { pid, url } = nats.server;

  process.kill(pid, 'SIGKILL');
  await until(() => events.includes('bus down'));
  assert.throws(() => bus.publish('node.attic-a.x', new Uint8Array()), { code: 'bus_unavailable' });
  await until(() => events.includes('bus up') && events.includes('server up'));

  assert.notEqual(nats.server.pid, pid);
  assert.equal(nats.server.url, url);
  assert.deepEqual([...events].sort(), ['bus down', 'bus up', 'server down', 'server up']);
  await nodeIsBack;
  node.subscribe('node.attic-a.>', { callback: (_error, message) => message.respond('here') });
  await node.flush();
  assert.equal(String(Buffer.from(await bus.request('node.attic-a.x', new Uint8Array(), 2_000))), 'here');
});

test('a server that is stopped while it is being started again stays down', async (t) => {
  const { server } = await startTestNats(t);
  process.kill(server.pid, 'SIGKILL');
  await new Promise<void>((resolve) => server.onDown(resolve));
  await server.stop();
  assert.equal(isAlive(server.pid), false);
  assert.equal(await accepts(server.url), false);
});

test('the server outlives its killed owner, and the next one adopts it and can stop it', async (t) => {
  const path = temporaryFolder(t);
  const first = await startOwner(t, path);
  await first.kill();
  assert.ok(isAlive(first.report.pid), 'the server died with its owner');

  const { server, folder } = await startHere(t, path);
  assert.equal(server.adopted, true);
  assert.equal(server.pid, first.report.pid);
  assert.equal(server.url, first.report.url);
  assert.equal(server.websocketUrl, first.report.websocketUrl);
  await server.stop();
  assert.equal(isAlive(first.report.pid), false);
  assert.equal(existsSync(folder.file('nats', 'server.json')), false);
});

test('an adopted server that dies is started again too', async (t) => {
  const path = temporaryFolder(t);
  const first = await startOwner(t, path);
  await first.kill();
  const { server } = await startHere(t, path);
  const up = new Promise<void>((resolve) => server.onUp(resolve));
  process.kill(server.pid, 'SIGKILL');
  await up;
  assert.notEqual(server.pid, first.report.pid);
  assert.equal(server.url, first.report.url);
});

test('what a dead server left behind does not hinder a new one', async (t) => {
  const path = temporaryFolder(t);
  const first = await startOwner(t, path);
  await first.kill();
  process.kill(first.report.pid, 'SIGKILL');
  await until(() => !isAlive(first.report.pid));
  const { server, folder } = await startHere(t, path);
  assert.equal(server.adopted, false);
  assert.notEqual(server.pid, first.report.pid);
  assert.equal(readdirSync(folder.file('nats', 'ports')).length, 1);
});

test('a stranger who has the pid of the record is neither adopted nor harmed', async (t) => {
  const path = temporaryFolder(t);
  const stranger = await startForeignNats(t, '');
  const first = await startOwner(t, path);
  await first.kill();
  process.kill(first.report.pid, 'SIGKILL');
  await until(() => !isAlive(first.report.pid));
  changeRecord(path, { pid: stranger.pid });
  const list = { nats: [`nats://127.0.0.1:${stranger.nats}`], websocket: [`ws://127.0.0.1:${stranger.websocket}`] };
  writeFileSync(`${path}/nats/ports/nats-server_${stranger.pid}.ports`, JSON.stringify(list));
  const { server } = await startHere(t, path);
  assert.equal(server.adopted, false);
  assert.equal(isAlive(stranger.pid), true);
});

for (const [what, change] of [
  ['that does not give the name of the record', { serverName: 'another' }],
  ['that runs with an earlier configuration', { digest: 'earlier' }],
] as const) {
  test(`a server ${what} is replaced, not doubled`, { skip: linuxOnly }, async (t) => {
    const path = temporaryFolder(t);
    const first = await startOwner(t, path);
    await first.kill();
    changeRecord(path, change);
    const { server } = await startHere(t, path);
    assert.equal(server.adopted, false);
    assert.equal(isAlive(first.report.pid), false);
  });
}

test('a server left by an owner with other keys is ended, not doubled', { skip: linuxOnly }, async (t) => {
  const path = temporaryFolder(t);
  const first = await startOwner(t, path);
  await first.kill();
  writeFileSync(`${path}/bus-identity.json`, readFileSync(`${await otherFolder(t)}/bus-identity.json`));
  chmodSync(`${path}/bus-identity.json`, 0o600);
  const { server } = await startHere(t, path);
  assert.equal(server.adopted, false);
  assert.equal(isAlive(first.report.pid), false);
});

test('a server that the record does not know is ended, not doubled', { skip: linuxOnly }, async (t) => {
  const path = temporaryFolder(t);
  const first = await startOwner(t, path);
  await first.kill();
  writeFileSync(`${path}/nats/server.json`, '');
  const { server } = await startHere(t, path);
  assert.equal(server.adopted, false);
  await until(() => !isAlive(first.report.pid));
});

test('a folder with spaces, quotes and signs that the configuration knows is as good as any', async (t) => {
  const { server, folder } = await startHere(t, `${temporaryFolder(t)}/a "b" $HOME {c} # ü`);
  assert.equal(await accepts(server.url), true);
  assert.equal(existsSync(folder.file('nats', 'nats-server.log')), true);
  assert.equal(existsSync(folder.file('nats', 'accounts')), true);
});

test('a folder that cannot take the files of the server is refused with advice', async (t) => {
  const path = temporaryFolder(t);
  mkdirSync(`${path}/nats`, { recursive: true });
  const folder = open(t, path);
  for (const name of ['nats-server.conf', 'server.json', 'nats-server.out', 'nats-server.log']) {
    await withEachNoFile(`${path}/nats/${name}`, (kind) =>
      assert.rejects(startIn(t, folder), isProblem('data_folder_unusable', noFileSentence(name, kind))),
    );
  }
});

test('a frozen server is ended within its grace', async (t) => {
  const { server } = await startTestNats(t);
  process.kill(server.pid, 'SIGSTOP');
  await server.stop();
  assert.equal(isAlive(server.pid), false);
});

test('a program that ends at once is reported with what it wrote', {
  skip: process.platform === 'win32',
}, async (t) => {
  const folder = open(t, temporaryFolder(t));
  const program = folder.file('fake-server');
  writeFileSync(program, '#!/bin/sh\necho "nats-server: port is taken" >&2\nexit 1\n', { mode: 0o700 });
  const identity = readOrCreateBusIdentity(folder);
  const binary = { path: program, version: '2.14.0' };
  await assert.rejects(startNatsServer({ dataFolder: folder, identity, binary, log: collectLog() }), {
    code: 'nats_server_failed',
    message: /ended while it started.*\nnats-server: port is taken/,
  });
  await assert.rejects(
    startNatsServer({
      dataFolder: folder,
      identity,
      binary: { path: '/no/such', version: '2.14.0' },
      log: collectLog(),
    }),
    { code: 'nats_server_failed', message: /\/no\/such cannot be run/ },
  );
});

test('a server that cannot come back is tried again until it can', async (t) => {
  const folder = open(t, temporaryFolder(t));
  const identity = readOrCreateBusIdentity(folder);
  const real = await findNatsBinary();
  const binary = { ...real };
  const log = collectLog();
  const server = await startNatsServer({ dataFolder: folder, identity, binary, log });
  afterTest(t, server.stop);
  binary.path = '/no/such';
  process.kill(server.pid, 'SIGKILL');
  await until(() => log.lines.filter((line) => line.includes('did not start again')).length >= 2);
  const up = new Promise<void>((resolve) => server.onUp(resolve));
  binary.path = real.path;
  await up;
  assert.equal(await accepts(server.url), true);
});

async function reconnected(node: NatsConnection): Promise<void> {
  for await (const status of node.status()) if (status.type === 'reconnect') return;
}

async function startOwner(t: TestContext, path: string) {
  const owner = startChild(t, OWNER, [path]);
  const report = (await owner.next()) as OwnerReport;
  afterTest(t, () => {
    if (isAlive(report.pid)) process.kill(report.pid, 'SIGKILL');
  });
  return { ...owner, report };
}

function changeRecord(path: string, change: Record<string, unknown>): void {
  const file = `${path}/nats/server.json`;
  const record = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  writeFileSync(file, JSON.stringify({ ...record, ...change }));
}

async function startHere(t: TestContext, path: string): Promise<{ server: NatsServer; folder: DataFolder }> {
  const folder = open(t, path);
  return { server: await startIn(t, folder), folder };
}

async function startIn(t: TestContext, folder: DataFolder): Promise<NatsServer> {
  const identity = readOrCreateBusIdentity(folder);
  const server = await startNatsServer({
    dataFolder: folder,
    identity,
    binary: await findNatsBinary(),
    log: collectLog(),
  });
  afterTest(t, server.stop);
  return server;
}

function open(t: TestContext, path: string): DataFolder {
  const folder = openDataFolder(path, { log: collectLog() });
  afterTest(t, folder.close);
  return folder;
}

/** A data folder with keys of its own. */
async function otherFolder(t: TestContext): Promise<string> {
  const folder = open(t, temporaryFolder(t));
  readOrCreateBusIdentity(folder);
  return folder.path;
}

function accepts(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.on('connect', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('close', () => socket.destroy());
    socket.on('connect', () => socket.destroy());
  });
}
