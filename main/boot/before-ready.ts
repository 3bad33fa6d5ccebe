import { LINK_SCHEME, linkAmong } from '../links/pair-link.ts';
import { APP_SCHEME_PRIVILEGES } from '../windows/app-pages.ts';
import { hardenPage } from '../windows/hardening.ts';
import { APP_ID } from './app-id.ts';
import type { BootSteps } from './boot-steps.ts';
import type { DesktopHost } from './desktop-host.ts';

/** What arrives from outside: links, and other instances that were started. */
export type Arrivals = {
  /** From now on they are heard; links that came before are heard first. */
  hear(listener: { onLink(link: string): void; onShow(): void }): void;
};

/** What is too late once Electron is ready. Undefined when another instance runs already and shows itself instead. */
export function beforeReady(host: DesktopHost, steps: BootSteps): Arrivals | undefined {
  const { app, protocol, shell } = host.electron;
  steps.run('sandbox every page', () => app.enableSandbox());
  steps.run('give the pages an origin', () => protocol.registerSchemesAsPrivileged([APP_SCHEME_PRIVILEGES]));
  steps.run('choose switches of Chromium', () => chooseSwitches(host));
  steps.run('say which app this is', () => nameTo(host));
  // Chromium reorders arguments, so that the link travels beside them.
  const isFirst = steps.run('be the only instance', () =>
    app.requestSingleInstanceLock({ link: linkAmong(host.argv) }),
  );
  if (!isFirst) return undefined;
  const arrivals = steps.run('listen for links and other instances', () => listenForArrivals(host));
  steps.run('harden every page', () => {
    app.on('web-contents-created', (_event, contents) => hardenPage(contents, shell));
  });
  steps.run('live on without windows', () => app.on('window-all-closed', () => undefined));
  return arrivals;
}

/** WebGPU on Linux is behind a switch. Vulkan is not switched on: under Wayland the window would never appear. */
function chooseSwitches({ electron, platform, env }: DesktopHost): void {
  if (platform !== 'linux') return;
  electron.app.commandLine.appendSwitch('enable-unsafe-webgpu');
  if (env.SPAREWATT_VULKAN !== '1') return;
  electron.app.commandLine.appendSwitch('enable-features', 'Vulkan');
  electron.app.commandLine.appendSwitch('ozone-platform', 'x11');
}

/** Windows shows toasts only of an app whose shortcut it finds by this name; the shortcut is the installer's. */
function nameTo({ electron: { app }, platform }: DesktopHost): void {
  if (platform === 'win32' && app.isPackaged) app.setAppUserModelId(APP_ID);
}

function listenForArrivals({ electron: { app }, argv }: DesktopHost): Arrivals {
  const first = linkAmong(argv);
  const early: string[] = first === undefined ? [] : [first];
  let onLink = (link: string): void => void early.push(link);
  let onShow = (): void => undefined;
  if (app.isPackaged) app.setAsDefaultProtocolClient(LINK_SCHEME);
  app.on('second-instance', (_event, arguments_, _folder, data) => {
    const link = linkOf(data) ?? linkAmong(arguments_);
    if (link === undefined) onShow();
    else onLink(link);
  });
  app.on('open-url', (event, url) => {
    event.preventDefault();
    onLink(url);
  });
  app.on('activate', () => onShow());
  return {
    hear: (listener) => {
      onLink = listener.onLink;
      onShow = listener.onShow;
      for (const link of early) onLink(link);
    },
  };
}

function linkOf(data: unknown): string | undefined {
  const link = typeof data === 'object' && data !== null && 'link' in data ? data.link : undefined;
  return typeof link === 'string' ? link : undefined;
}
