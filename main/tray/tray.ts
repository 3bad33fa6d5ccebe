import { join } from 'node:path';
import type { AgentLog } from '../../shared/agent/log.ts';
import type { AppState } from '../../shared/ipc/app-state.ts';
import type { ElectronSurface, TraySurface } from '../surface.ts';
import { type TrayActions, trayMenu, trayToolTip } from './tray-menu.ts';

export type AppTray = {
  /** Whether there is one to be seen. */
  isThere(): boolean;
  /** Makes one now that the desktop has a place for it; `show` gives it its menu. */
  open(): void;
  show(state: AppState): void;
  close(): void;
};

export type TrayOptions = {
  electron: Pick<ElectronSurface, 'Tray' | 'Menu'>;
  platform: NodeJS.Platform;
  iconFolder: string;
  /** Whether the desktop has a place for icons; undefined where that cannot be asked. */
  hasPlace: boolean | undefined;
  actions: TrayActions;
  now: () => number;
  log: AgentLog;
};

const ICONS: Readonly<Partial<Record<NodeJS.Platform, string>>> = { darwin: 'trayTemplate.png', win32: 'icon.ico' };

/** The icon with its menu, or nothing while the desktop has no place for one: the window then has to do. */
export function createTray({ electron, platform, iconFolder, hasPlace, actions, now, log }: TrayOptions): AppTray {
  let tray: TraySurface | undefined;
  let shown = '';
  let shownTip = '';
  let isClosed = false;
  const open = (): void => {
    if (tray !== undefined || isClosed) return;
    try {
      tray = new electron.Tray(join(iconFolder, ICONS[platform] ?? 'tray.png'));
      // A convenience where clicks arrive; everything is in the menu as well.
      tray.on('click', () => actions.show());
    } catch (error) {
      log.warn({ reason: error instanceof Error ? error.message : String(error) }, 'there is no tray here');
    }
  };
  if (hasPlace !== false) open();
  return {
    isThere: () => tray !== undefined,
    open,
    show: (state) => {
      if (tray === undefined) return;
      const template = trayMenu(state, actions, now());
      const toolTip = trayToolTip(state, now());
      if (toolTip !== shownTip) tray.setToolTip(toolTip);
      shownTip = toolTip;
      const next = JSON.stringify(template);
      if (next === shown) return;
      shown = next;
      // Linux shows changes of a menu only when it is set again; an open menu would close, so not for nothing.
      tray.setContextMenu(electron.Menu.buildFromTemplate(template));
    },
    close: () => {
      isClosed = true;
      tray?.destroy();
      tray = undefined;
    },
  };
}
