/** The app's node when its relay, or the app itself, is started again: a real relay process, real settings on the disk. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startDesktopAgent } from '../../../main/node/start-desktop-agent.ts';
import { openStore } from '../../../main/settings/open-store.ts';
import { DEFAULT_PREFERENCES } from '../../../shared/preferences/preferences.ts';
import { afterTest } from '../../support/after-test.ts';
import { askChat } from '../../support/ask-pool.ts';
import { sparewatt } from '../../support/command.ts';
import {
  type Desktop,
  type PlayedPage,
  playComputePages,
  startDesktop,
  TEST_MODEL,
} from '../../support/desktop/desktop.ts';
import type { Keyring } from '../../support/desktop/electron-double/sealed-strings.ts';
import { freePort } from '../../support/network/free-port.ts';
import { makeCode } from '../../support/pairing.ts';
import type { Pool } from '../../support/pool.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

test('a relay that is killed finds its node again, and so does an app that is started again, with its settings', async (t) => {
  const data = temporaryFolder(t);
  const folder = temporaryFolder(t);
  const first = await startRelayProcess(t, data, String(await freePort()));
  const before = await startKept(t, folder);
  await before.desktop.ask('contribute');
  await before.desktop.ask('setPreferences', PREFERENCES);
  await before.desktop.tick();
  await before.desktop.ask('pair', { invitation: (await makeCode(first)).code, relayUrl: first.url });
  const { relay } = before.desktop.app.state();
  assert.equal(relay.state, 'connected');

  first.command.child.kill('SIGKILL');
  await first.command.exit;
  const second = await startRelayProcess(t, data, new URL(first.url).port);
  await until(() => offers(second));
  assert.deepEqual(before.desktop.app.state().relay, relay);
  assert.equal(await answered(second, before.page), 'after a restart');

  before.desktop.app.quit.now();
  await until(() => before.desktop.hands.calls.includes('ended'));
  await until(async () => !(await offers(second)));
  const after = await startKept(t, folder, before.desktop.hands.keyring);
  await until(() => after.desktop.app.state().relay.state === 'connected');
  assert.deepEqual(after.desktop.app.state().relay, relay, 'the same node, without a code');
  assert.deepEqual(after.desktop.app.settings.get().preferences, PREFERENCES);
  assert.equal(await answered(second, after.page), 'after a restart');
  const jobs = await after.desktop.ask('listJobs', { before: null, limit: 9 });
  assert.deepEqual(
    jobs.map(({ outcome }) => outcome),
    ['done', 'done'],
    'the ledger goes on',
  );
});

const PREFERENCES = { ...DEFAULT_PREFERENCES, keep_awake: !DEFAULT_PREFERENCES.keep_awake };

/** The app with the settings of electron-store in `folder`, and a keyring that may be an earlier one's. */
async function startKept(
  t: TestContext,
  folder: string,
  keyring?: Keyring,
): Promise<{ desktop: Desktop; page: PlayedPage }> {
  await import('../../support/desktop/electron-double/alias.ts');
  const { default: Store } = await import('electron-store');
  let page: PlayedPage | undefined;
  const desktop = await startDesktop(t, {
    folder,
    openSettingsFile: (at) => openStore(Store, at),
    startAgent: startDesktopAgent,
    before: (hands) => {
      if (keyring !== undefined) Object.assign(hands.keyring, keyring);
      page = playComputePages(hands);
    },
  });
  assert.ok(page);
  return { desktop, page };
}

type Asker = Pick<Pool, 'request'>;

async function offers({ request }: Asker): Promise<boolean> {
  return (await (await request('/v1/models')).text()).includes(TEST_MODEL);
}

async function answered(relay: Asker, page: PlayedPage): Promise<string | undefined> {
  const answer = askChat(relay, TEST_MODEL);
  const { order } = await page.orders.next();
  assert.equal(order.type, 'run');
  const { id } = order as { id: number };
  await page.say({ type: 'text', id, text: 'after a restart', tokens: 3, more: undefined });
  await page.say({ type: 'done', id, finishReason: 'stop', usage: { inputTokens: 3, outputTokens: 3 } });
  return (await answer).content;
}

/** A relay in a process of its own, that can be killed. */
async function startRelayProcess(t: TestContext, data: string, port: string) {
  const place = ['--host', '127.0.0.1', '--port', port, '--no-announce', '--data', data];
  const command = sparewatt(['relay', ...place, '--ready-json', '--log-level', 'silent']);
  afterTest(t, () => {
    command.child.kill('SIGTERM');
    return command.exit;
  });
  const ready = JSON.parse(await command.firstLine()) as { url: string; apiKey: string; adminToken: string };
  const request: Asker['request'] = (path, init) => {
    const headers = new Headers(init?.headers);
    headers.set('authorization', `Bearer ${ready.apiKey}`);
    return fetch(`${ready.url}${path}`, { ...init, headers });
  };
  return { ...ready, command, request };
}
