import { isAllowedLink } from '../links/external-links.ts';
import type { ElectronSurface, SessionSurface, WebContentsSurface } from '../surface.ts';

/**
 * What every page of the app is made with. Written out although most are defaults, so that no change of a default opens
 * anything.
 */
export const PAGE_PREFERENCES = {
  contextIsolation: true,
  sandbox: true,
  nodeIntegration: false,
  nodeIntegrationInWorker: false,
  nodeIntegrationInSubFrames: false,
  webSecurity: true,
  allowRunningInsecureContent: false,
  experimentalFeatures: false,
  webviewTag: false,
  navigateOnDragDrop: false,
  spellcheck: false,
} as const;

/** No page goes anywhere, opens anything, or holds another; allowed links open in the person's browser. */
export function hardenPage(contents: WebContentsSurface, shell: ElectronSurface['shell']): void {
  contents.on('will-navigate', (event) => event.preventDefault());
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(({ url }) => {
    if (isAllowedLink(url)) shell.openExternal(url).catch(() => undefined);
    return { action: 'deny' };
  });
}

/** Electron grants every permission unless told otherwise. The app's pages need none. */
export function denyPermissions(session: SessionSurface): void {
  session.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
  session.setPermissionCheckHandler(() => false);
  session.setDevicePermissionHandler(() => false);
  session.setDisplayMediaRequestHandler((_request, answer) => answer({}));
}
