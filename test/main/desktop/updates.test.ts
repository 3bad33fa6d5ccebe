/** Updates as their owner meets them: the app on the double, and the real electron-updater with a feed of this machine. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AppImageUpdater } from 'electron-updater';
import type { DesktopHost } from '../../../main/boot/desktop-host.ts';
import { electronUpdates } from '../../../main/updates/electron-updates.ts';
import { createUpdates, type Updater } from '../../../main/updates/updates.ts';
import type { JobWitness } from '../../../shared/agent/job-witness.ts';
import { DEFAULT_PREFERENCES } from '../../../shared/preferences/preferences.ts';
import { type Desktop, startDesktop, TEST_MODEL } from '../../support/desktop/desktop.ts';
import { collectLog } from '../../support/log.ts';
import { settled } from '../../support/pending-timers.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const SIX_HOURS_MS = 6 * 3_600_000;
const JOB = { job: 'j', attempt: 1, type: 'llm' as const, model: TEST_MODEL, client: 'key_1', startedAt: 0 };

/** An updater whose feed the test plays. */
function playedUpdater() {
  const world = {
    newer: undefined as string | undefined,
    lookError: undefined as Error | undefined,
    fetched: Promise.resolve(),
    looked: 0,
    installed: 0,
    fail: (_error: Error): void => undefined,
  };
  const updater: Updater = {
    feed: 'feed.example',
    look: async () => {
      world.looked += 1;
      if (world.lookError !== undefined) throw world.lookError;
      return world.newer;
    },
    download: () => world.fetched,
    install: (onFailed) => {
      world.installed += 1;
      world.fail = onFailed;
    },
  };
  return { world, updater };
}

async function open(t: TestContext) {
  const { world, updater } = playedUpdater();
  let witness: JobWitness | undefined;
  const startAgent: DesktopHost['startAgent'] = (parts) => {
    witness = parts.witness;
    return () => Promise.reject(new Error('this test starts no agent'));
  };
  const desktop = await startDesktop(t, { updater, startAgent });
  assert.ok(witness);
  const tick = async (): Promise<void> => {
    await desktop.tick();
    await settled();
  };
  return { world, desktop, tick, witness };
}

const updateLine = ({ hands }: Desktop): string | undefined =>
  hands.trays[0]?.menu?.items.find(({ id }) => id === 'update')?.label;

test('nobody is asked for an update before the owner says so in the window, and then every six hours', async (t) => {
  const { world, desktop, tick } = await open(t);
  await tick();
  assert.equal(world.looked, 0);
  assert.equal(desktop.app.state().checksForUpdates, 'unasked');
  assert.equal((await desktop.ask('setChecksForUpdates', { checks: false })).checksForUpdates, false);
  await tick();
  assert.equal(world.looked, 0);
  assert.equal((await desktop.ask('setChecksForUpdates', { checks: true })).checksForUpdates, true);
  assert.equal(typeof desktop.app.settings.get().choices.checksForUpdates, 'number');
  await tick();
  await tick();
  assert.equal(world.looked, 1);
  desktop.clock.now += SIX_HOURS_MS;
  await tick();
  assert.equal(world.looked, 2);
  assert.deepEqual(desktop.told().update, { state: 'current', checkedAt: desktop.clock.now });
  await desktop.ask('setChecksForUpdates', { checks: false });
  desktop.clock.now += SIX_HOURS_MS;
  await tick();
  assert.equal(world.looked, 2);
});

test('the choice outlives a restart, after which the app looks at once', async (t) => {
  const first = await open(t);
  await first.desktop.ask('setChecksForUpdates', { checks: true });
  const { world, updater } = playedUpdater();
  const again = await startDesktop(t, { updater, stored: first.desktop.settingsFile.store });
  await again.tick();
  assert.equal(world.looked, 1);
});

test('each look stands among what left this machine, with the feed that it went to', async (t) => {
  const { world, desktop, tick } = await open(t);
  world.newer = '2.0.0';
  await desktop.ask('checkForUpdates');
  await tick();
  const departures = await desktop.ask('listDepartures', { before: null, limit: 5 });
  assert.deepEqual(
    departures.map(({ kind, to }) => [kind, to]),
    [['update', 'feed.example']],
  );
});

test('who asks once in the window or in the tray is answered once, and has chosen nothing', async (t) => {
  const { world, desktop, tick } = await open(t);
  const { update, checksForUpdates } = await desktop.ask('checkForUpdates');
  assert.deepEqual(update, { state: 'current', checkedAt: desktop.clock.now });
  assert.equal(checksForUpdates, 'unasked');
  desktop.hands.choose('update');
  desktop.clock.now += SIX_HOURS_MS;
  await tick();
  assert.equal(world.looked, 2);
});

test('on a metered network the app does not look by itself, and does once the network is another', async (t) => {
  const { world, desktop, tick } = await open(t);
  await desktop.ask('setPreferences', DEFAULT_PREFERENCES);
  desktop.sensed.metered = true;
  await tick();
  await desktop.ask('setChecksForUpdates', { checks: true });
  await tick();
  assert.equal(world.looked, 0);
  desktop.sensed.metered = false;
  await tick();
  await tick();
  assert.equal(world.looked, 1);
});

test('an update waits for the jobs that run once it is wanted, and the tray says each of it', async (t) => {
  const { world, desktop, tick, witness } = await open(t);
  world.newer = '2.0.0';
  const fetched = Promise.withResolvers<void>();
  world.fetched = fetched.promise;
  assert.equal(updateLine(desktop), 'Look for updates');
  const checked = desktop.ask('checkForUpdates');
  await until(() => updateLine(desktop) === 'Downloading version 2.0.0…');
  fetched.resolve();
  assert.deepEqual((await checked).update, { state: 'ready', version: '2.0.0', isWanted: false });
  assert.equal(updateLine(desktop), 'Restart and install version 2.0.0');
  await tick();
  assert.equal(world.installed, 0, 'nobody wants it yet');
  witness.began(JOB);
  desktop.hands.choose('update');
  await tick();
  assert.equal(world.installed, 0);
  assert.equal(updateLine(desktop), 'Version 2.0.0 is installed when no job runs');
  witness.ended(JOB, { outcome: 'done', usage: undefined, totalMs: 1 });
  await tick();
  await tick();
  assert.equal(world.installed, 1);
  desktop.ui().close();
  assert.throws(() => desktop.ui(), /not open/, 'a window that hides would keep the app from ending');
});

test('a look, a download and an installation that fail are told, each with what the system said, and can be tried again', async (t) => {
  const { world, desktop } = await open(t);
  world.lookError = new Error('net::ERR_NAME_NOT_RESOLVED\nHeaders: {"etag": 1}');
  const at = desktop.clock.now;
  const failed = async () => (await desktop.ask('checkForUpdates')).update;
  const base = { state: 'failed', version: '2.0.0', at };
  assert.deepEqual(await failed(), { ...base, step: 'look', version: null, reason: 'net::ERR_NAME_NOT_RESOLVED' });
  assert.equal(updateLine(desktop), 'The update failed: look again');
  Object.assign(world, { lookError: undefined, newer: '2.0.0', fetched: Promise.reject(new Error('sha512 mismatch')) });
  assert.deepEqual(await failed(), { ...base, step: 'fetch', reason: 'sha512 mismatch' });
  world.fetched = Promise.resolve();
  desktop.hands.choose('update');
  await until(() => desktop.app.state().update.state === 'ready');
  await desktop.ask('installUpdate');
  world.fail(new Error('no right to write'));
  assert.deepEqual(desktop.told().update, { ...base, step: 'install', reason: 'no right to write' });
  desktop.ui().close();
  assert.equal(desktop.ui().isShown, false, 'the app goes on in its tray');
});

test('where the app cannot update itself, the tray does not offer it', async (t) => {
  const desktop = await startDesktop(t);
  assert.equal(updateLine(desktop), undefined);
  assert.deepEqual((await desktop.ask('checkForUpdates')).update, { state: 'off' });
});

/** A feed with one version, and the app of that version. */
async function startFeed(t: TestContext, version: string, app: Buffer, promised = app) {
  const requests: IncomingMessage[] = [];
  const sha512 = createHash('sha512').update(promised).digest('base64');
  const file = `{ url: sparewatt.AppImage, sha512: '${sha512}', size: ${app.length} }`;
  const server = createServer((asked, response) => {
    requests.push(asked);
    if (asked.url?.startsWith('/latest'))
      response.end(`version: ${version}\nfiles:\n  - ${file}\npath: x\nsha512: x\n`);
    else response.end(app);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** The real updater of AppImages with Node's own HTTP in the place of Electron's, as its own tests have it. */
function realUpdater(t: TestContext, url: string) {
  const folder = temporaryFolder(t);
  const installed = join(folder, 'installed.AppImage');
  writeFileSync(installed, 'version 1');
  const quits: string[] = [];
  const adapter = {
    whenReady: async () => undefined,
    version: '1.0.0',
    name: 'sparewatt',
    isPackaged: true,
    appUpdateConfigPath: join(folder, 'app-update.yml'),
    userDataPath: folder,
    baseCachePath: folder,
    quit: () => quits.push('quit'),
    relaunch: () => undefined,
    onQuit: () => undefined,
  };
  writeFileSync(adapter.appUpdateConfigPath, `provider: generic\nurl: ${url}\nupdaterCacheDirName: sparewatt\n`);
  const updater = new AppImageUpdater(null, adapter);
  Object.assign(updater, { httpExecutor: nodeExecutor(), disableDifferentialDownload: true });
  return { updater, feedFile: adapter.appUpdateConfigPath, folder, installed };
}

function nodeExecutor(): object {
  const require = createRequire(createRequire(import.meta.url).resolve('electron-updater'));
  const { HttpExecutor: Executor, configureRequestUrl } = require('builder-util-runtime') as Runtime;
  class NodeExecutor extends Executor<never> {
    override createRequest(options: object, callback: (response: unknown) => void): never {
      return request(options, callback) as never;
    }
    download(url: URL, destination: string, options: Parameters<Download>[2]): Promise<string> {
      const asked = { headers: options.headers ?? {} };
      configureRequestUrl(url, asked);
      return new Promise((resolve, reject) => {
        const callback = (error?: Error | null): void => (error ? reject(error) : resolve(destination));
        const parts = { destination, options, callback, responseHandler: null, onCancel: () => undefined };
        this.doDownload(asked, parts as never, 0);
      });
    }
  }
  return new NodeExecutor();
}

type Runtime = typeof import('builder-util-runtime');
type Download = (url: URL, destination: string, options: { headers?: OutgoingHttpHeaders }) => Promise<string>;

/** As the app uses it, with what it tells of itself. */
function overFeed(t: TestContext, url: string) {
  const real = realUpdater(t, url);
  const asked: string[] = [];
  const updates = createUpdates({
    updater: electronUpdates(real.updater, real.feedFile),
    isBusy: () => false,
    isAllowed: () => false,
    onAsk: (feed) => asked.push(feed),
    now: () => 0,
    onChange: () => undefined,
    log: collectLog(),
  });
  return { ...real, updates, asked };
}

/** Where an AppImage runs, it says so. */
function asAppImage(t: TestContext, path: string): void {
  const before = process.env.APPIMAGE;
  process.env.APPIMAGE = path;
  t.after(() => {
    if (before === undefined) delete process.env.APPIMAGE;
    else process.env.APPIMAGE = before;
  });
}

test('electron-updater fetches what its feed promises, and sends no id of this installation', async (t) => {
  asAppImage(t, '/opt/sparewatt.AppImage');
  const feed = await startFeed(t, '2.0.0', Buffer.from('version 2'));
  const { updates, asked, folder } = overFeed(t, feed.url);
  await updates.check();
  assert.deepEqual(updates.state(), { state: 'ready', version: '2.0.0', isWanted: false });
  assert.equal(existsSync(join(folder, 'sparewatt', 'pending', 'sparewatt.AppImage')), true);
  assert.equal(feed.requests.length, 2);
  assert.deepEqual(asked, [new URL(feed.url).host, new URL(feed.url).host]);
  for (const { headers } of feed.requests) assert.ok(!headers['x-user-staging-id'], 'an id of this installation left');
});

test('electron-updater takes no version that is not newer, and keeps nothing of a file that is not the one promised', async (t) => {
  asAppImage(t, '/opt/sparewatt.AppImage');
  const same = await startFeed(t, '1.0.0', Buffer.from('x'));
  const unchanged = overFeed(t, same.url).updates;
  await unchanged.check();
  assert.deepEqual(unchanged.state(), { state: 'current', checkedAt: 0 });
  const forged = await startFeed(t, '2.0.0', Buffer.from('forged'), Buffer.from('signed'));
  const { updates, folder } = overFeed(t, forged.url);
  await updates.check();
  const state = updates.state();
  assert.ok(state.state === 'failed' && state.step === 'fetch' && state.version === '2.0.0');
  assert.match(state.reason, /sha512/);
  assert.equal(existsSync(join(folder, 'sparewatt', 'pending', 'sparewatt.AppImage')), false);
});

test('an archive that was unpacked cannot update itself, and does not say that it is the newest', (t) => {
  delete process.env.APPIMAGE;
  const { updates } = overFeed(t, 'http://127.0.0.1:9');
  assert.deepEqual(updates.state(), { state: 'off' });
});
