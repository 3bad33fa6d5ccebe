import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { openDataFolder } from '../../../../relay/data-folder/data-folder.ts';
import { readOrCreateBusIdentity } from '../../../../relay/fabric/bus/bus-identity.ts';
import { findNatsBinary } from '../../../../relay/fabric/nats-server/nats-binary.ts';
import { startNatsServer } from '../../../../relay/fabric/nats-server/nats-server.ts';
import { isAlive } from '../../../../relay/fabric/nats-server/nats-server-process.ts';
import { afterTest } from '../../../support/after-test.ts';
import { startChild } from '../../../support/child.ts';
import { collectLog } from '../../../support/log.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { until } from '../../../support/until.ts';

const OWNER = new URL('../../../support/bus/nats-owner.ts', import.meta.url);
const WATCHER = new URL('../../../support/bus/server-watcher.ts', import.meta.url);
const noShell = process.platform === 'win32' && 'there is no shell that could watch';

/** A process that started a nats-server in this folder, and the shells that watch over that. */
async function startOwner(t: TestContext, path: string, linger: string) {
  const owner = startChild(t, OWNER, [path, linger]);
  const { pid } = (await owner.next()) as { pid: number };
  afterTest(t, () => {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  });
  return { owner, pid, watches: watchesOf(owner.pid) };
}

function watchesOf(pid: number): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,command='], { encoding: 'utf8' }).split('\n');
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, parent, ...command]) => Number(parent) === pid && command.includes('sparewatt-bus-watch'))
    .map(([child]) => Number(child));
}

test('a server whose relay was killed ends by itself, and so does what watched it', { skip: noShell }, async (t) => {
  const { owner, pid, watches } = await startOwner(t, temporaryFolder(t), '1');
  assert.equal(watches.length, 1);
  await owner.kill();
  await until(() => !isAlive(pid) && !watches.some(isAlive));
});

test('a server whose folder was deleted after its relay was killed ends too', { skip: noShell }, async (t) => {
  const path = temporaryFolder(t);
  const { owner, pid } = await startOwner(t, path, '1');
  await owner.kill();
  rmSync(path, { recursive: true, force: true });
  await until(() => !isAlive(pid));
});

for (const linger of [60, false] as const) {
  const next = linger === false ? 'keeps its server for ever' : 'has a watch of its own';
  test(`a server that a relay has adopted in time goes on, where that relay ${next}`, { skip: noShell }, async (t) => {
    const path = temporaryFolder(t);
    const { owner, pid, watches } = await startOwner(t, path, '0');
    // Held back, however long the next relay takes here.
    for (const watch of watches) process.kill(watch, 'SIGSTOP');
    await owner.kill();
    const folder = openDataFolder(path, { log: collectLog() });
    afterTest(t, folder.close);
    const identity = readOrCreateBusIdentity(folder);
    const options = { dataFolder: folder, identity, binary: await findNatsBinary(), log: collectLog() };
    const server = await startNatsServer({ ...options, lingerS: linger });
    afterTest(t, server.stop);
    assert.equal(server.pid, pid);
    for (const watch of watches) process.kill(watch, 'SIGCONT');
    await until(() => !watches.some(isAlive));
    assert.equal(isAlive(pid), true, 'the watch of the killed relay ended a server that was not its own any more');
    const own = watchesOf(process.pid);
    assert.equal(own.length, linger === false ? 0 : 1);
    await server.stop();
    assert.equal(isAlive(pid), false);
    // It was killed before the server, and is there until the system has told so.
    await until(() => !own.some(isAlive));
  });
}

test('a server that is to be kept for ever has no watch', { skip: noShell }, async (t) => {
  const { watches } = await startOwner(t, temporaryFolder(t), 'for ever');
  assert.deepEqual(watches, []);
});

test('a program that has the pid of a server that is gone is left alone', { skip: noShell }, async (t) => {
  const record = `${temporaryFolder(t)}/server.json`;
  const config = '/data/relay/nats/nats-server.conf';
  const [stranger, server] = ['/data/elsewhere', config].map((name) => {
    const child = spawn('/bin/sh', ['-c', 'read -r _', 'sh', name], { stdio: ['pipe', 'ignore', 'ignore'] });
    afterTest(t, () => child.kill('SIGKILL'));
    return { pid: child.pid ?? -1, gone: once(child, 'exit') };
  });
  if (stranger === undefined || server === undefined) throw new TypeError('two processes were started');
  // Two relays, one after the other, so that the end of the second watch tells that the first has come to its end.
  const watches: number[] = [];
  for (const { pid } of [stranger, server]) {
    const watcher = startChild(t, WATCHER, [String(pid), config, record]);
    await watcher.next();
    watches.push(...watchesOf(watcher.pid));
    await watcher.kill();
  }
  assert.equal(watches.length, 2);
  await server.gone;
  await until(() => !watches.some(isAlive));
  assert.equal(isAlive(stranger.pid), true);
});
