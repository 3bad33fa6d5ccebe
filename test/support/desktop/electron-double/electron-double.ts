/**
 * A double of Electron's main process, held to electron.d.ts by way of the surface. What it does not have it throws
 * for by name. Calls between pages and main pass through structuredClone both ways, and errors are worded as
 * Electron words them. It proves shapes and our own conduct, never Electron's.
 */
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type * as Electron from 'electron';
import type {
  AppEvents,
  ElectronSurface,
  FrameSurface,
  IpcEventSurface,
  MenuSurface,
  MenuTemplate,
  MessageBoxOptions,
  PowerEvents,
  SessionEvents,
  WebContentsSurface,
} from '../../../../main/surface.ts';
import { type Keyring, sealedStrings } from './sealed-strings.ts';
import { strict } from './strict.ts';
import { UtilityDouble } from './utility-double.ts';
import { type ContentsDouble, doubleEvent, NO_RENDERER, type RendererHost, WindowDouble } from './windows.ts';

type IpcHandler = (event: IpcEventSurface, ...args: unknown[]) => unknown;
type PageHandler = (request: Request) => Response | Promise<Response>;
export type TrayDouble = EventEmitter & { image: string; toolTip: string; menu: MenuDouble | null };
export type MenuDouble = MenuSurface & { template: MenuTemplate[] };

/** Hands for a test: what the machine is like, what the app did, and what happens to it. */
export type ElectronHands = {
  renderer: RendererHost;
  hasSingleInstance: boolean;
  hasTray: boolean;
  idleSeconds: number;
  idleState: 'active' | 'idle' | 'locked' | 'unknown';
  onBattery: boolean;
  thermal: ReturnType<ElectronSurface['powerMonitor']['getCurrentThermalState']>;
  keyring: Keyring;
  /** The button that a person presses in the next message boxes. */
  pressedButton: number;
  login: Electron.Settings;
  /** As macOS says it. */
  wasOpenedAtLogin: boolean;
  readonly windows: WindowDouble[];
  /** Those without a page. */
  readonly bareWindows: (EventEmitter & { options: Electron.BaseWindowConstructorOptions })[];
  /** All that were started, also those that have ended. */
  readonly utilities: UtilityDouble[];
  readonly trays: TrayDouble[];
  readonly handlers: Map<string, IpcHandler>;
  readonly protocols: Map<string, PageHandler>;
  readonly schemes: Electron.CustomScheme[];
  readonly switches: Map<string, string>;
  readonly blockers: Map<number, string>;
  readonly calls: string[];
  readonly opened: string[];
  readonly notifications: Electron.NotificationConstructorOptions[];
  /** Those of them that are shown now; `emit('click')` is a person's. */
  readonly toasts: EventEmitter[];
  showsToasts: boolean;
  badgeCount: number;
  readonly boxes: MessageBoxOptions[];
  readonly errorBoxes: string[];
  readonly relaunches: Electron.RelaunchOptions[];
  /** Menus that were shown where the pointer is. */
  readonly popups: MenuTemplate[][];
  /** Switched off by a person in the Task Manager of Windows. */
  isLoginDeactivated: boolean;
  readonly permissions: {
    request?: Parameters<Electron.Session['setPermissionRequestHandler']>[0];
    check?: Parameters<Electron.Session['setPermissionCheckHandler']>[0];
    device?: Parameters<Electron.Session['setDevicePermissionHandler']>[0];
    screen?: Parameters<Electron.Session['setDisplayMediaRequestHandler']>[0];
  };
  emitApp<Name extends keyof AppEvents>(event: Name, ...args: AppEvents[Name]): void;
  /** As Windows does, to every window there is; returns whether one of them has called it off. */
  emitSession<Name extends keyof SessionEvents>(event: Name): boolean;
  emitPower<Name extends keyof PowerEvents>(event: Name, ...args: PowerEvents[Name]): void;
  /** Chooses an item of the tray's menu, also of a submenu. */
  choose(id: string): void;
  menuLabels(): string[];
};

export type DoubleOptions = { userData: string; isPackaged?: boolean; readyAfter?: Promise<void> };

export function createElectronDouble(options: DoubleOptions): { electron: ElectronSurface; hands: ElectronHands } {
  const appEvents = new EventEmitter();
  const powerEvents = new EventEmitter();
  const hands = handsOf(appEvents, powerEvents);
  const electron = {
    app: strict('app', appOf(appEvents, hands, options)),
    BrowserWindow: windowClassOf(hands, appEvents),
    BaseWindow: bareWindowClassOf(hands),
    Tray: trayClassOf(hands),
    Menu: strict('Menu', {
      buildFromTemplate: (template: MenuTemplate[]): MenuSurface => menuOf(template, hands),
      setApplicationMenu: () => void hands.calls.push('setApplicationMenu'),
    }),
    Notification: notificationClassOf(hands),
    dialog: strict('dialog', {
      showErrorBox: (title: string, content: string) => void hands.errorBoxes.push(`${title}: ${content}`),
      showMessageBox: async (box: MessageBoxOptions) => {
        hands.boxes.push(box);
        return { response: hands.pressedButton, checkboxChecked: false };
      },
    }),
    ipcMain: strict('ipcMain', {
      handle: (channel: string, handler: IpcHandler) => {
        if (hands.handlers.has(channel)) throw new Error(`Attempted to register a second handler for '${channel}'`);
        hands.handlers.set(channel, handler);
      },
      removeHandler: (channel: string) => void hands.handlers.delete(channel),
    }),
    powerMonitor: strict('powerMonitor', powerOf(powerEvents, hands)),
    powerSaveBlocker: strict('powerSaveBlocker', blockerOf(hands)),
    protocol: strict('protocol', {
      registerSchemesAsPrivileged: (schemes: Electron.CustomScheme[]) => void hands.schemes.push(...schemes),
    }),
    safeStorage: strict('safeStorage', sealedStrings(hands.keyring)),
    session: strict('session', { defaultSession: strict('session.defaultSession', sessionOf(hands)) }),
    utilityProcess: strict('utilityProcess', {
      fork: (modulePath: string, args: string[] = []) => {
        const utility = new UtilityDouble(modulePath, args);
        hands.utilities.push(utility);
        return utility;
      },
    }),
    shell: strict('shell', { openExternal: async (url: string) => void hands.opened.push(url) }),
  } satisfies ElectronSurface;
  return { electron: strict<ElectronSurface>('electron', electron), hands };
}

function handsOf(appEvents: EventEmitter, powerEvents: EventEmitter): ElectronHands {
  const hands: ElectronHands = {
    renderer: NO_RENDERER,
    hasSingleInstance: true,
    hasTray: true,
    idleSeconds: 0,
    idleState: 'active',
    onBattery: false,
    thermal: 'unknown',
    keyring: { isLocked: false, backend: 'gnome_libsecret', key: randomBytes(32) },
    pressedButton: 0,
    login: { openAtLogin: false },
    wasOpenedAtLogin: false,
    windows: [],
    bareWindows: [],
    utilities: [],
    trays: [],
    handlers: new Map(),
    protocols: new Map(),
    schemes: [],
    switches: new Map(),
    blockers: new Map(),
    calls: [],
    opened: [],
    notifications: [],
    toasts: [],
    showsToasts: true,
    badgeCount: 0,
    boxes: [],
    errorBoxes: [],
    relaunches: [],
    popups: [],
    isLoginDeactivated: false,
    permissions: {},
    emitApp: (event, ...args) => void appEvents.emit(event, ...args),
    emitSession: (name) => {
      const event = doubleEvent({ reasons: ['shutdown' as const] });
      for (const window of [...hands.windows, ...hands.bareWindows]) window.emit(name, event);
      return event.defaultPrevented;
    },
    emitPower: (event, ...args) => void powerEvents.emit(event, ...args),
    choose: (id) => {
      const item = itemsOf(hands.trays.at(-1)?.menu?.template ?? []).find((each) => each.id === id);
      if (item?.click === undefined) throw new Error(`the tray has no item ${id}`);
      (item.click as () => void)();
    },
    menuLabels: () => itemsOf(hands.trays.at(-1)?.menu?.template ?? []).map(({ label = '' }) => label),
  };
  return hands;
}

function itemsOf(template: MenuTemplate[]): MenuTemplate[] {
  return template.flatMap((item) => [item, ...(Array.isArray(item.submenu) ? itemsOf(item.submenu) : [])]);
}

function appOf(events: EventEmitter, hands: ElectronHands, options: DoubleOptions) {
  const note = (call: string): void => void hands.calls.push(call);
  return Object.assign(events, {
    isPackaged: options.isPackaged ?? false,
    whenReady: () => options.readyAfter ?? Promise.resolve(),
    quit: () => {
      note('quit');
      const event = doubleEvent();
      events.emit('before-quit', event);
      if (!event.defaultPrevented) note('ended');
    },
    exit: () => note('exit'),
    getPath: () => options.userData,
    getVersion: () => '0.0.0-test',
    getAppPath: () => options.userData,
    requestSingleInstanceLock: () => hands.hasSingleInstance,
    setAsDefaultProtocolClient: (scheme: string) => {
      note(`protocol ${scheme}`);
      return true;
    },
    setLoginItemSettings: (settings: Electron.Settings) => {
      hands.login = settings;
    },
    getLoginItemSettings: (): Electron.LoginItemSettings => ({
      openAtLogin: hands.login.openAtLogin ?? false,
      wasOpenedAtLogin: hands.wasOpenedAtLogin,
      status: 'enabled',
      executableWillLaunchAtLogin: (hands.login.openAtLogin ?? false) && !hands.isLoginDeactivated,
      launchItems: [],
    }),
    relaunch: (options: Electron.RelaunchOptions = {}) => void hands.relaunches.push(options),
    setBadgeCount: (count = 0) => {
      hands.badgeCount = count;
      return true;
    },
    enableSandbox: () => note('enableSandbox'),
    setAppUserModelId: (id: string) => note(`id ${id}`),
    getAppMetrics: (): Electron.ProcessMetric[] => [],
    commandLine: strict('app.commandLine', {
      appendSwitch: (name: string, value = '') => void hands.switches.set(name, value),
    }),
  });
}

function windowClassOf(hands: ElectronHands, appEvents: EventEmitter) {
  const owner = {
    renderer: () => hands.renderer,
    created: (window: WindowDouble) => {
      hands.windows.push(window);
      appEvents.emit('web-contents-created', doubleEvent(), window.webContents);
    },
    destroyed: (window: WindowDouble) => {
      hands.windows.splice(hands.windows.indexOf(window), 1);
      if (hands.windows.length === 0) appEvents.emit('window-all-closed');
    },
    invoke: (contents: ContentsDouble, frame: FrameSurface | null, channel: string, args: unknown[]) =>
      invoke(hands, contents, frame, channel, args),
  };
  return class BrowserWindow extends WindowDouble {
    constructor(windowOptions?: Electron.BrowserWindowConstructorOptions) {
      super(owner, windowOptions);
    }
  };
}

function bareWindowClassOf(hands: ElectronHands) {
  return class BaseWindow extends EventEmitter {
    readonly options: Electron.BaseWindowConstructorOptions;
    constructor(options: Electron.BaseWindowConstructorOptions = {}) {
      super();
      this.options = options;
      hands.bareWindows.push(this);
    }
  };
}

async function invoke(
  { handlers }: ElectronHands,
  sender: WebContentsSurface,
  senderFrame: FrameSurface | null,
  channel: string,
  args: unknown[],
): Promise<unknown> {
  const handler = handlers.get(channel);
  const failed = `Error invoking remote method '${channel}'`;
  if (handler === undefined) throw new Error(`${failed}: Error: No handler registered for '${channel}'`);
  try {
    const copies: unknown[] = structuredClone(args);
    return structuredClone(await handler({ sender, senderFrame }, ...copies));
  } catch (error) {
    throw new Error(`${failed}: ${error}`);
  }
}

function menuOf(template: MenuTemplate[], hands: ElectronHands): MenuDouble {
  const items = template.map(({ label = '', enabled = true, id = '' }) => ({ label, enabled, id }));
  return { items, template, popup: () => void hands.popups.push(template) };
}

function trayClassOf(hands: ElectronHands) {
  return class Tray extends EventEmitter {
    image: string;
    toolTip = '';
    menu: MenuDouble | null = null;
    constructor(image: string) {
      super();
      if (!hands.hasTray) throw new Error('there is no tray here');
      this.image = image;
      hands.trays.push(this);
    }
    setToolTip(text: string): void {
      this.toolTip = text;
    }
    setContextMenu(menu: MenuSurface | null): void {
      this.menu = menu as MenuDouble | null;
    }
    destroy(): void {
      hands.trays.splice(hands.trays.indexOf(this), 1);
    }
  };
}

function notificationClassOf(hands: ElectronHands) {
  return class Notification extends EventEmitter {
    readonly options: Electron.NotificationConstructorOptions;
    constructor(options: Electron.NotificationConstructorOptions = {}) {
      super();
      this.options = options;
    }
    static isSupported(): boolean {
      return hands.showsToasts;
    }
    show(): void {
      hands.notifications.push(this.options);
      hands.toasts.push(this);
    }
    close(): void {
      if (hands.toasts.includes(this)) hands.toasts.splice(hands.toasts.indexOf(this), 1);
    }
  };
}

function powerOf(events: EventEmitter, hands: ElectronHands) {
  return Object.assign(events, {
    getSystemIdleTime: () => hands.idleSeconds,
    getSystemIdleState: () => hands.idleState,
    isOnBatteryPower: () => hands.onBattery,
    getCurrentThermalState: () => hands.thermal,
  });
}

function blockerOf(hands: ElectronHands) {
  let lastBlocker = 0;
  return {
    start: (type: 'prevent-app-suspension' | 'prevent-display-sleep') => {
      lastBlocker += 1;
      hands.blockers.set(lastBlocker, type);
      return lastBlocker;
    },
    stop: (id: number) => hands.blockers.delete(id),
  };
}

function sessionOf(hands: ElectronHands): ElectronSurface['session']['defaultSession'] {
  return {
    setPermissionRequestHandler: (handler) => {
      hands.permissions.request = handler;
    },
    setPermissionCheckHandler: (handler) => {
      hands.permissions.check = handler;
    },
    setDevicePermissionHandler: (handler) => {
      hands.permissions.device = handler;
    },
    setDisplayMediaRequestHandler: (handler) => {
      hands.permissions.screen = handler;
    },
    protocol: strict('session.protocol', {
      handle: (scheme: string, handler: PageHandler) => void hands.protocols.set(scheme, handler),
    }),
  };
}
