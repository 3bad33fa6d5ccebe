/** The node of the app whose secrets the system does not give: what its person is told, and how it goes on. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readOrCreateNodeKey } from '../../../main/headless/node-key.ts';
import { isKeyStoreLocked } from '../../../main/node/key-store-watch.ts';
import { createNodeHost, type StartAgent } from '../../../main/node/node-host.ts';
import type { Agent } from '../../../shared/agent/agent.ts';
import { rememberedRelayText } from '../../../shared/config/remembered-relay.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { type Desktop, type DesktopOptions, SETTLED, startDesktop } from '../../support/desktop/desktop.ts';
import type { ElectronHands } from '../../support/desktop/electron-double/electron-double.ts';
import { type Keyring, sealedStrings } from '../../support/desktop/electron-double/sealed-strings.ts';
import { needsSecretService, startSecretService } from '../../support/desktop/secret-service.ts';
import { collectLog } from '../../support/log.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const RELAY = 'http://192.0.2.1:8484';
const REMEMBERED = rememberedRelayText({ relay: RELAY, name: 'attic' });
const AGAIN_MS = 10_000;
/** Let in at once, and asked nothing. */
const AGENT: Agent = {
  ready: Promise.resolve('attic-1'),
  ended: new Promise(() => undefined),
  hasSession: () => true,
  trouble: () => undefined,
  capabilities: () => Promise.reject(new Error('this node is asked nothing')),
  records: () => Promise.reject(new Error('this node is asked nothing')),
  close: async () => undefined,
};

test('an app whose key store is locked says so everywhere, not that it was never paired, and goes on once it is open', async (t) => {
  const desktop = await startPaired(t, { before: lock });
  const { app, hands } = desktop;
  const { code, why, relay } = app.state();
  assert.deepEqual([code, why, relay], ['key_store_locked', { is: code }, { state: code }]);
  assert.deepEqual(hands.menuLabels().slice(0, 2), [
    'Paused',
    'The key store of this system is locked; unlock it and it goes on',
  ]);
  assert.match(hands.trays[0]?.toolTip ?? '', /: Paused: the key store of this system is locked; unlock it and/);
  await assert.rejects(desktop.ask('pair', { invitation: 'K7QF-2M9X-HB4T', relayUrl: RELAY }), /Unlock the key store/);
  assert.equal(app.state().code, 'key_store_locked', 'nobody is made a new node meanwhile');

  hands.keyring.isLocked = false;
  await passes(desktop, AGAIN_MS);
  await until(() => app.state().contributing);
  assert.deepEqual(app.state().relay, { state: 'connected', relay: RELAY, nodeId: 'attic-1' });
});

test('an app whose key store asks for its password is there all the same, and goes on when it was given', async (t) => {
  const answered = Promise.withResolvers<void>();
  const limit = () => AbortSignal.timeout(1);
  const desktop = await startPaired(t, {
    limit,
    before: ({ keyring }) => Object.assign(keyring, { prompt: answered.promise }),
  });
  assert.ok(desktop.ui().isVisible());
  assert.equal(desktop.app.state().code, 'key_store_locked');
  answered.resolve();
  await passes(desktop, AGAIN_MS);
  await until(() => desktop.app.state().contributing);
});

test('an app that Electron gives no keys any more begins anew when the key store was seen to open, and only then', async (t) => {
  const told: (boolean | undefined)[] = [false, undefined, true, undefined, false];
  const desktop = await startPaired(t, {
    isKeyStoreLocked: async () => told.shift(),
    before: lock,
  });
  while (told.length > 0) {
    assert.deepEqual(desktop.hands.relaunches, []);
    await passes(desktop, AGAIN_MS);
  }
  await until(() => desktop.hands.calls.includes('ended'));
  assert.deepEqual(desktop.hands.relaunches, [{ execPath: '/opt/Sparewatt/sparewatt', args: [] }]);
});

test('a node whose own key cannot be had does not seem to wait for its relay', async () => {
  const startAgent =
    (problem: Problem): StartAgent =>
    () =>
      Promise.reject(problem);
  const memory = { where: 'here', read: async () => REMEMBERED, write: async () => undefined };
  const rest = { memory, name: 'attic', onChange: () => undefined, log: collectLog() };
  const locked = createNodeHost({ startAgent: startAgent(new Problem('keychain_unavailable', 'Unlock it.')), ...rest });
  await assert.rejects(locked.start(), isProblem('keychain_unavailable', /Unlock/));
  assert.deepEqual(locked.link(), { state: 'key_store_locked' });
  const damaged = new Problem('data_folder_unusable', 'There is no node key.');
  const broken = createNodeHost({ startAgent: startAgent(damaged), ...rest });
  await assert.rejects(broken.start(), isProblem('data_folder_unusable', /no node key/));
  assert.deepEqual(broken.link(), { state: 'refused', relay: RELAY, code: damaged.code, detail: damaged.message });
});

test('a Secret Service tells whether it is locked; where there is none nobody does', needsSecretService, async (t) => {
  const { env, restart } = await startSecretService(t);
  const ask = (program: string, args: readonly string[]) =>
    new Promise<string | null>((resolve) => {
      execFile(program, args, { env }, (error, stdout) => resolve(error === null ? stdout : null));
    });
  assert.equal(await isKeyStoreLocked('linux', ask), false);
  await restart('locked');
  assert.equal(await isKeyStoreLocked('linux', ask), true);
  assert.equal(await isKeyStoreLocked('linux', async () => null), undefined);
  assert.equal(await isKeyStoreLocked('win32', assert.fail), undefined);
});

/** An app that contributes, and was paired when its key store was open. */
async function startPaired(t: TestContext, { before, ...options }: DesktopOptions): Promise<Desktop> {
  const folder = temporaryFolder(t);
  const keyring: Keyring = { isLocked: false, backend: 'gnome_libsecret', key: randomBytes(32) };
  const sealed = await sealedStrings(keyring).encryptStringAsync(REMEMBERED);
  writeFileSync(join(folder, 'relay.sealed'), sealed.toString('base64'));
  return startDesktop(t, {
    folder,
    stored: SETTLED,
    startAgent: (parts) => async () => {
      await readOrCreateNodeKey(parts.boxes.box('node-key'));
      return AGENT;
    },
    before: (hands) => {
      hands.keyring.key = keyring.key;
      before?.(hands);
    },
    ...options,
  });
}

function lock({ keyring }: ElectronHands): void {
  keyring.isLocked = true;
}

async function passes({ clock, tick }: Desktop, ms: number): Promise<void> {
  clock.now += ms;
  await tick();
}
