/**
 * Windows of the double as pages of a real Chromium. Files come from the app's own handler of its scheme, through a loopback
 * server, so that headers and checks are the shipped ones; the built preload runs as Electron runs a sandboxed one. Worlds
 * are not isolated here, the scheme is http, and Chromium's own sandbox is off.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Browsers } from '../../browsers/browsers.ts';
import type { ElectronHands } from './electron-double.ts';
import type { RendererHost, WindowDouble } from './windows.ts';

/** What the machine's own network does meanwhile, such as an address that is renewed, is no fault of a page. */
const NETWORK_CHANGED = 'ERR_NETWORK_CHANGED';

export type ChromiumRenderer = RendererHost & {
  page(window: WindowDouble): Page;
  /** Errors of all pages, and whatever their policy has refused. */
  readonly faults: string[];
  close(): Promise<void>;
};

const ORIGIN = 'sparewatt-app://app';
const FLAGS = ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--no-first-run'];

/** The first window asks for a Chromium with the switches that the app has set by then; each has a profile of its own in it. */
export function createChromiumRenderer(hands: () => ElectronHands, browsers: Browsers): ChromiumRenderer {
  let started: Promise<{ browser: Browser; server: Server; base: string }> | undefined;
  const pages = new Map<WindowDouble, Page>();
  const contexts: BrowserContext[] = [];
  const faults: string[] = [];
  const start = async () => {
    const server = createServer((request, response) => {
      void answerOf(hands(), `${ORIGIN}${request.url}`, request.method ?? 'GET').then(async (answered) => {
        response.writeHead(answered.status, Object.fromEntries(answered.headers));
        response.end(Buffer.from(await answered.arrayBuffer()));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const switches = [...hands().switches].map(([name, value]) => (value === '' ? `--${name}` : `--${name}=${value}`));
    return { browser: await browsers.open([...FLAGS, ...switches]), server, base };
  };
  const inApp = (base: string, url: string): string => url.replace(base, ORIGIN);
  return {
    faults,
    page: (window) => {
      const page = pages.get(window);
      if (page === undefined) throw new Error('this window has no page');
      return page;
    },
    open: async (window, url) => {
      started ??= start();
      const { browser, base } = await started;
      const context = await browser.newContext();
      contexts.push(context);
      const page = await context.newPage();
      pages.set(window, page);
      page.on('pageerror', (error) => faults.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error' && !message.text().includes(NETWORK_CHANGED)) faults.push(message.text());
      });
      page.on('crash', () => window.webContents.crash());
      await page.exposeBinding(
        '__invoke',
        async ({ frame }, { channel, args }: { channel: string; args: unknown[] }) => {
          const asking = { url: inApp(base, frame.url()), parent: frame.parentFrame() };
          return window.ask(channel, args, asking).then(
            (value) => ({ value }),
            (error: Error) => ({ error: error.message }),
          );
        },
      );
      const preload = readFileSync(String(window.options.webPreferences?.preload), 'utf8');
      await page.addInitScript(runPreload, { origin: base, code: preload });
      await page.goto(url.replace(ORIGIN, base), { waitUntil: 'load' });
      return {
        deliver: (channel, args) => {
          page
            .evaluate(([name, values]) => globalThis.__deliver(name, values), [channel, args] as const)
            .catch(() => undefined);
        },
        close: () =>
          void page
            .context()
            .close()
            .catch(() => undefined),
      };
    },
    close: async () => {
      const { server } = (await started) ?? {};
      // One whose window was closed is closed already.
      await Promise.all(contexts.map((context) => context.close().catch(() => undefined)));
      server?.closeAllConnections();
      server?.close();
    },
  };
}

declare global {
  var __deliver: (channel: string, args: readonly unknown[]) => void;
}

/** What the app's own handler of its scheme answers. */
export async function answerOf({ protocols }: ElectronHands, url: string, method: string): Promise<Response> {
  const handler = protocols.get('sparewatt-app');
  return handler === undefined ? new Response(null, { status: 500 }) : handler(new Request(url, { method }));
}

/** In the page: what Electron's loader of sandboxed preloads does. */
export function runPreload({ origin, code }: { origin: string; code: string }): void {
  const page = globalThis as unknown as Record<string, unknown> & { location: { origin: string } };
  if (page.location.origin !== origin) return;
  type Answer = { value?: unknown; error?: string };
  const call = page.__invoke as (asked: { channel: string; args: unknown[] }) => Promise<Answer>;
  const listeners = new Map<string, Set<(event: unknown, ...args: unknown[]) => void>>();
  const ipcRenderer = {
    invoke: async (channel: string, ...args: unknown[]) => {
      const { value, error } = await call({ channel, args });
      if (error !== undefined) throw new Error(error);
      return value;
    },
    on: (channel: string, listener: (event: unknown, ...args: unknown[]) => void) => {
      const known = listeners.get(channel) ?? new Set();
      listeners.set(channel, known.add(listener));
    },
    removeListener: (channel: string, listener: (event: unknown, ...args: unknown[]) => void) =>
      listeners.get(channel)?.delete(listener),
  };
  const contextBridge = {
    exposeInMainWorld: (name: string, api: object) =>
      Object.defineProperty(page, name, { value: Object.freeze({ ...api }), enumerable: true }),
  };
  Object.defineProperty(page, '__deliver', {
    value: (channel: string, args: unknown[]) => {
      for (const listener of listeners.get(channel) ?? []) listener({}, ...args);
    },
  });
  const load = (name: string): unknown => {
    if (name !== 'electron') throw new Error(`module not found: ${name}`);
    return { ipcRenderer, contextBridge };
  };
  new Function('require', 'module', 'exports', code)(load, { exports: {} }, {});
}
