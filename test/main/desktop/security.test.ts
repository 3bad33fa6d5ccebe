/** Electron's security checklist, item by item. Each test fails when its item is undone. */
import assert from 'node:assert/strict';
import { globSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PAGE_PREFERENCES } from '../../../main/windows/hardening.ts';
import type { IpcAnswer } from '../../../shared/ipc/answer.ts';
import { uiChannel } from '../../../shared/ipc/ui-channels.ts';
import { DEFAULT_PREFERENCES } from '../../../shared/preferences/preferences.ts';
import { type Desktop, playComputePages, SETTLED, startDesktop } from '../../support/desktop/desktop.ts';
import { doubleEvent, type WindowDouble } from '../../support/desktop/electron-double/windows.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** The file and all of ours that it imports, directly or not; what is imported for its types alone never runs. */
function sourcesFrom(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const text = readFileSync(join(ROOT, file), 'utf8').replaceAll(/\bimport type[^;]*;/g, '');
  for (const [, target = ''] of text.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+\.ts)'/g)) {
    sourcesFrom(join(dirname(file), target), seen);
  }
  return [...seen];
}

/** The app with both of its pages open. */
async function withBothPages(t: TestContext): Promise<{ desktop: Desktop; pages: WindowDouble[] }> {
  const desktop = await startDesktop(t, { before: (hands) => void playComputePages(hands), stored: SETTLED });
  const compute = desktop.compute();
  assert.ok(compute, 'the compute page is open');
  return { desktop, pages: [desktop.ui(), compute] };
}

test('every page is isolated and sandboxed, without Node, webview or lax content', async (t) => {
  const { desktop, pages } = await withBothPages(t);
  assert.ok(desktop.hands.calls.includes('enableSandbox'));
  for (const { options } of pages) {
    const { webPreferences } = options;
    assert.ok(webPreferences);
    assert.equal(webPreferences.contextIsolation, true);
    assert.equal(webPreferences.sandbox, true);
    assert.equal(webPreferences.nodeIntegration, false);
    assert.equal(webPreferences.nodeIntegrationInWorker, false);
    assert.equal(webPreferences.nodeIntegrationInSubFrames, false);
    assert.equal(webPreferences.webSecurity, true);
    assert.equal(webPreferences.allowRunningInsecureContent, false);
    assert.equal(webPreferences.experimentalFeatures, false);
    assert.equal(webPreferences.webviewTag, false);
    assert.equal(webPreferences.enableBlinkFeatures, undefined);
  }
  assert.equal(PAGE_PREFERENCES.contextIsolation, true);
});

test('the page that computes is hidden and not throttled, the window is throttled like any other', async (t) => {
  const { pages } = await withBothPages(t);
  const [ui, compute] = pages;
  assert.equal(compute?.isShown, false);
  assert.equal(compute?.options.webPreferences?.backgroundThrottling, false);
  assert.equal(ui?.options.webPreferences?.backgroundThrottling, undefined);
});

test('no page navigates, opens a window or holds another page', async (t) => {
  const { desktop, pages } = await withBothPages(t);
  for (const { webContents } of pages) {
    const away = doubleEvent({ url: 'https://evil.example/' });
    webContents.emit('will-navigate', away);
    assert.equal(away.defaultPrevented, true);
    const webview = doubleEvent();
    webContents.emit('will-attach-webview', webview);
    assert.equal(webview.defaultPrevented, true);
    const opened = webContents.openHandler?.({ url: 'https://evil.example/' } as never);
    assert.deepEqual(opened, { action: 'deny' });
  }
  assert.deepEqual(desktop.hands.opened, []);
});

test('no page gets a permission, a device or a picture of the screen', async (t) => {
  const { hands } = await startDesktop(t);
  const { request, check, device, screen } = hands.permissions;
  let granted: boolean | undefined;
  for (const permission of ['media', 'geolocation', 'notifications', 'clipboard-read', 'openExternal'] as const) {
    request?.(null as never, permission, (answer) => (granted = answer), {} as never);
    assert.equal(granted, false, permission);
    assert.equal(check?.(null, permission as never, 'sparewatt-app://app', {} as never), false, permission);
  }
  assert.equal(device?.({} as never), false);
  let streams: unknown;
  screen?.({} as never, (answer) => (streams = answer));
  assert.deepEqual(streams, {});
});

test('links leave for the browser by allowlist alone, asked for by call or by a new window', async (t) => {
  const { hands, ui, ask } = await startDesktop(t);
  const refused = [
    'http://github.com/sparewatt/sparewatt',
    'https://github.com/sparewatt/sparewatt-evil',
    'https://github.com.evil.example/sparewatt/sparewatt',
    'https://user@github.com/sparewatt/sparewatt',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'smb://evil.example/share',
    'not a link',
  ];
  for (const url of refused) {
    assert.equal(await ask('openLink', { url }), false, url);
    ui().webContents.openHandler?.({ url } as never);
  }
  assert.deepEqual(hands.opened, []);
  const allowed = 'https://github.com/sparewatt/sparewatt/issues/new?title=x';
  assert.equal(await ask('openLink', { url: allowed }), true);
  ui().webContents.openHandler?.({ url: allowed } as never);
  assert.deepEqual(hands.opened, [allowed, allowed]);
});

test('calls are answered to the top frame of the one page they belong to', async (t) => {
  const { desktop, pages } = await withBothPages(t);
  const [ui, compute] = pages as [WindowDouble, WindowDouble];
  const channel = uiChannel('getState');
  const codeOf = async (asking: Promise<IpcAnswer<unknown>>): Promise<string> => {
    const answer = await asking;
    return answer.ok ? 'answered' : answer.problem.code;
  };
  assert.equal(await codeOf(ui.ask(channel, [null])), 'answered');
  assert.equal(await codeOf(ui.ask(channel, [null], { url: `${ui.webContents.url}#jobs` })), 'answered');
  assert.equal(await codeOf(compute.ask(channel, [null])), 'origin_refused', 'another window');
  assert.equal(await codeOf(ui.ask(channel, [null], { parent: {} })), 'origin_refused', 'a frame in the page');
  assert.equal(
    await codeOf(ui.ask(channel, [null], { url: 'https://evil.example/' })),
    'origin_refused',
    'another page',
  );
  assert.equal(
    await codeOf(ui.ask(channel, [null], { url: 'sparewatt-app://app/compute/index.html' })),
    'origin_refused',
  );
  const handler = desktop.hands.handlers.get(channel);
  const orphan = await (handler?.({ sender: ui.webContents, senderFrame: null }, null) as Promise<IpcAnswer<unknown>>);
  assert.equal(orphan.ok, false, 'a frame that is gone');
  for (const name of desktop.hands.handlers.keys()) {
    if (name.startsWith('compute:')) assert.equal(await codeOf(ui.ask(name, [null])), 'origin_refused', name);
  }
});

test('calls take what their schema says and nothing else, and faults tell a page no more than that', async (t) => {
  const { ui, ask, app } = await startDesktop(t);
  const problemOf = async (name: Parameters<typeof uiChannel>[0], args: unknown[]) => {
    const answer = await ui().ask<IpcAnswer<unknown>>(uiChannel(name), args);
    return answer.ok ? undefined : answer.problem;
  };
  assert.equal((await problemOf('pause', [{ for: 'ever' }]))?.code, 'invalid_value');
  assert.equal((await problemOf('pause', [{ for: '1h', more: 1 }]))?.code, 'invalid_value');
  assert.equal((await problemOf('pause', []))?.code, 'invalid_value');
  assert.equal((await problemOf('getState', [null, 'more']))?.code, 'invalid_value');
  assert.equal(
    (await problemOf('setPreferences', [{ ...DEFAULT_PREFERENCES, away_after_s: 1 }]))?.param,
    'away_after_s',
  );
  assert.deepEqual(await ask('getPreferences'), DEFAULT_PREFERENCES);
  app.ledger.close();
  const fault = await problemOf('listJobs', [{ before: null, limit: 1 }]);
  assert.equal(fault?.code, 'internal');
  assert.doesNotMatch(fault?.detail ?? '', /database|sqlite/i);
});

test('preloads expose functions of the contract, and neither ipcRenderer nor its events', () => {
  for (const name of ['ui', 'compute']) {
    const source = readFileSync(join(ROOT, 'main', 'preload', `${name}.ts`), 'utf8');
    const exposed = source.slice(source.indexOf('exposeInMainWorld'));
    assert.doesNotMatch(exposed, /ipcRenderer\s*[,}]|\.\.\.ipcRenderer|listener\(_?event/, name);
    assert.doesNotMatch(source, /ipcRenderer\.(send|sendSync|postMessage)\b/, name);
  }
});

test('nothing listens but one socket file of this user, at which programs of this machine control the node', async (t) => {
  const desktop = globSync('main/**/*.ts', { cwd: ROOT, exclude: (name) => name.includes('headless') });
  const networked = desktop.filter((file) =>
    /node:(net|http|https|http2|dgram|tls)'/.test(readFileSync(join(ROOT, file), 'utf8')),
  );
  assert.ok(desktop.length > 30);
  assert.deepEqual(networked, []);
  const reached = [...new Set([...desktop, ...sourcesFrom('main/index.ts')])];
  assert.ok(reached.length > 100 && reached.includes('main/headless/control/control-server.ts'));
  const servers = reached.filter((file) =>
    /\.listen\(|\bcreate(?:Secure)?Server\(/.test(readFileSync(join(ROOT, file), 'utf8')),
  );
  assert.deepEqual(servers, ['main/headless/control/control-server.ts']);
  const listening = [...readFileSync(join(ROOT, servers[0] ?? ''), 'utf8').matchAll(/\.listen\((.*)\)/g)];
  assert.deepEqual(
    listening.map(([, where]) => where),
    ['{ path: place.address }'],
  );
  const { folder } = await startDesktop(t);
  const control = join(folder, 'control');
  assert.equal(statSync(control).mode & 0o777, 0o700);
  const sockets = readdirSync(control).filter((name) => statSync(join(control, name)).isSocket());
  assert.equal(sockets.length, 1);
  assert.equal(statSync(join(control, sockets[0] ?? '')).mode & 0o777, 0o600);
});

test('nothing is sent on its own: no file of the app fetches, but for the node, and an update or a model that was asked for', () => {
  const desktop = globSync('main/**/*.ts', { cwd: ROOT, exclude: (name) => name.includes('headless') });
  const senders = desktop.filter((file) =>
    /\bfetch\(|globalThis\.fetch|crashReporter|XMLHttpRequest/.test(readFileSync(join(ROOT, file), 'utf8')),
  );
  assert.deepEqual(senders.sort(), ['main/node/departures.ts', 'main/node/start-desktop-agent.ts']);
});

test('a machine without a keyring says so', async (t) => {
  const open = await startDesktop(t, { before: (hands) => (hands.keyring.backend = 'basic_text') });
  assert.equal(open.app.state().secretsProtected, false);
  const sealed = await startDesktop(t);
  assert.equal(sealed.app.state().secretsProtected, true);
});
