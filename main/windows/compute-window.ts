import type { AgentLog } from '../../shared/agent/log.ts';
import { COMPUTE_ORDER, type ComputeOrder } from '../../shared/ipc/compute-channels.ts';
import { countCrashes, type End } from '../headless/inference/count-crashes.ts';
import type { ElectronSurface, WindowSurface } from '../surface.ts';
import { COMPUTE_URL } from './app-pages.ts';
import { PAGE_PREFERENCES } from './hardening.ts';

export type ComputeWindow = {
  current(): WindowSurface | undefined;
  /** Resolves when a page is there that has said hello; rejects when the page cannot be had. */
  ready(): Promise<void>;
  order(order: ComputeOrder): void;
  /** The page said what it runs on. */
  greeted(): void;
  /** Ends the page and with it all that it holds; the next `ready` makes another. */
  end(): void;
  close(): void;
};

export type ComputeWindowOptions = {
  electron: Pick<ElectronSurface, 'BrowserWindow'>;
  preload: string;
  onGone(how: End): void;
  now: () => number;
  log: AgentLog;
};

/** Asking a driver for its adapters takes seconds at worst. */
const HELLO_WITHIN_MS = 30_000;

/**
 * The hidden page that computes. Invariants: (1) at most one page lives; (2) whoever waits for a page hears of the end of
 * that page; (3) a page that keeps dying is made less and less often; one that died once is made again when it is wanted.
 */
export function createComputeWindow({ electron, preload, onGone, now, log }: ComputeWindowOptions): ComputeWindow {
  let page: { window: WindowSurface; hello: PromiseWithResolvers<void>; openedAt: number } | undefined;
  const crashes = countCrashes(now);
  let isClosed = false;

  const forget = (window: WindowSurface, how: End): void => {
    if (page?.window !== window) return;
    page.hello.reject(new Error('the compute page has ended'));
    page = undefined;
    onGone(how);
  };
  const crashed = (window: WindowSurface, reason: string): void => {
    if (page?.window !== window) return;
    const how = crashes.add(page.openedAt);
    log.error({ reason, how }, 'the compute page has died');
    forget(window, how);
    window.destroy();
  };
  const open = (): NonNullable<typeof page> => {
    const window = new electron.BrowserWindow({
      show: false,
      width: 320,
      height: 240,
      skipTaskbar: true,
      // It is never shown: throttled as a hidden page it would compute at a crawl.
      webPreferences: { ...PAGE_PREFERENCES, preload, backgroundThrottling: false },
    });
    const opened = { window, hello: Promise.withResolvers<void>(), openedAt: now() };
    const late = setTimeout(() => crashed(window, 'silent'), HELLO_WITHIN_MS);
    opened.hello.promise.finally(() => clearTimeout(late)).catch(() => undefined);
    page = opened;
    window.webContents.on('render-process-gone', (_event, { reason }) => crashed(window, reason));
    window.webContents.on('unresponsive', () => crashed(window, 'unresponsive'));
    window.on('closed', () => forget(window, 'ended'));
    window.loadURL(COMPUTE_URL).catch(() => crashed(window, 'not-loaded'));
    return opened;
  };
  const end = (): void => {
    const ended = page?.window;
    if (ended === undefined) return;
    forget(ended, 'ended');
    ended.destroy();
  };
  return {
    current: () => page?.window,
    ready: async () => {
      if (isClosed) throw new Error('the app is closing');
      if (page === undefined && crashes.isTooSoon())
        throw new Error('the compute page keeps dying; it is tried again later');
      await (page ?? open()).hello.promise;
    },
    order: (order) => page?.window.webContents.send(COMPUTE_ORDER, order),
    greeted: () => page?.hello.resolve(),
    end,
    close: () => {
      isClosed = true;
      end();
    },
  };
}
