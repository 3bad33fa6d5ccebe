/**
 * Windows of the double of Electron as tabs of a Chromium that nobody keeps awake: what is behind another tab is hidden and
 * slowed down, as Chromium does by itself. Pages and preloads are the app's own; calls travel as JSON.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { CHROMIUM_FLAGS } from '../support/browsers/page-node.ts';
import { launchRawChromium, type RawTab } from '../support/browsers/raw-chromium.ts';
import { answerOf, runPreload } from '../support/desktop/electron-double/chromium-renderer.ts';
import type { ElectronHands } from '../support/desktop/electron-double/electron-double.ts';
import type { RendererHost, WindowDouble } from '../support/desktop/electron-double/windows.ts';

export type RawRenderer = RendererHost & {
  tab(window: WindowDouble): RawTab;
  /** A tab of somebody else, in front of all others. */
  openOther(): Promise<RawTab>;
  close(): Promise<void>;
};

const ORIGIN = 'sparewatt-app://app';

export async function startRawRenderer(hands: () => ElectronHands): Promise<RawRenderer> {
  const tabs = new Map<WindowDouble, RawTab>();
  const byUrl = new Map<string, WindowDouble>();
  const server = createServer(async (request, response) => {
    const url = `${ORIGIN}${request.url}`;
    if (request.method === 'POST') {
      const { page, channel, args } = JSON.parse(await text(request)) as {
        page: string;
        channel: string;
        args: unknown[];
      };
      const asking = { url: page.replace(base, ORIGIN), parent: null };
      const said = await byUrl
        .get(asking.url.split('#')[0] ?? '')
        ?.ask(channel, args, asking)
        .then(
          (value) => ({ value }),
          (error: Error) => ({ error: error.message }),
        );
      return void response.end(JSON.stringify(said ?? { error: 'no window' }));
    }
    const answered = await answerOf(hands(), url, request.method ?? 'GET');
    response.writeHead(answered.status, Object.fromEntries(answered.headers));
    response.end(Buffer.from(await answered.arrayBuffer()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let chromium: ReturnType<typeof launchRawChromium> | undefined;
  const started = (): ReturnType<typeof launchRawChromium> => {
    const switches = [...hands().switches].map(([name, value]) => (value === '' ? `--${name}` : `--${name}=${value}`));
    chromium ??= launchRawChromium([...CHROMIUM_FLAGS, ...switches]);
    return chromium;
  };
  return {
    open: async (window, url) => {
      byUrl.set(url.split('#')[0] ?? '', window);
      const code = readFileSync(String(window.options.webPreferences?.preload), 'utf8');
      const script = `globalThis.__invoke = ${INVOKE}; (${runPreload})(${JSON.stringify({ origin: base, code })});`;
      const tab = await (await started()).openTab(url.replace(ORIGIN, base), script);
      tabs.set(window, tab);
      return {
        deliver: (channel, args) => {
          const words = [channel, args].map((word) => JSON.stringify(word)).join();
          tab.evaluate(`void globalThis.__deliver(${words})`).catch(() => undefined);
        },
        close: () => void tab.close().catch(() => undefined),
      };
    },
    tab: (window) => {
      const tab = tabs.get(window);
      if (tab === undefined) throw new Error('this window has no tab');
      return tab;
    },
    openOther: async () => (await started()).openTab('about:blank'),
    close: async () => {
      await (await chromium)?.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

const INVOKE = `async (asked) => {
  const body = JSON.stringify({ page: location.href, ...asked });
  return (await fetch('/__invoke', { method: 'POST', body })).json();
}`;
