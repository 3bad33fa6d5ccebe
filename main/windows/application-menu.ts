import type { ElectronSurface, MenuSurface, MenuTemplate } from '../surface.ts';

/** What the system itself does; nothing that reloads a page or opens its tools. */
const MAC_MENU: MenuTemplate[] = [{ role: 'appMenu' }, { role: 'editMenu' }, { role: 'windowMenu' }];

/** On macOS a page can paste, copy and quit by keyboard only through the application's menu; elsewhere it does without one. */
export function applicationMenu(platform: string, menu: ElectronSurface['Menu']): MenuSurface | null {
  return platform === 'darwin' ? menu.buildFromTemplate(MAC_MENU) : null;
}
