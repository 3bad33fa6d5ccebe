/**
 * All of Electron that the main process may touch. Each member is picked from electron.d.ts, so that a change there is
 * a type error here; the real module (index.ts) and the double of the tests are both checked against it.
 */
import type * as Electron from 'electron';

/** Events by name with what they carry; `test/support/desktop/electron-double/drift.ts` holds each against electron.d.ts. */
export type AppEvents = {
  'second-instance': [event: Electron.Event, argv: string[], workingDirectory: string, additionalData: unknown];
  'open-url': [event: Electron.Event, url: string];
  activate: [];
  'window-all-closed': [];
  'before-quit': [event: Electron.Event];
  'child-process-gone': [event: Electron.Event, details: Electron.Details];
  'web-contents-created': [event: Electron.Event, contents: WebContentsSurface];
};

export type PowerEvents = {
  suspend: [];
  resume: [];
  'on-ac': [];
  'on-battery': [];
  'lock-screen': [];
  'unlock-screen': [];
  shutdown: [];
  'thermal-state-change': [details: Electron.Event<Electron.PowerMonitorThermalStateChangeEventParams>];
};

export type ContentsEvents = {
  'will-navigate': [details: Electron.Event<Electron.WebContentsWillNavigateEventParams>];
  'will-attach-webview': [event: Electron.Event];
  'did-finish-load': [];
  unresponsive: [];
  'render-process-gone': [event: Electron.Event, details: Electron.RenderProcessGoneDetails];
  'before-input-event': [event: Electron.Event, input: KeyPress];
  'zoom-changed': [event: Electron.Event, direction: 'in' | 'out'];
  'context-menu': [event: Electron.Event, params: PlaceOfMenu];
};
/** Of a key that is pressed, what it takes to know a shortcut; of a place in a page, what can be done there. */
export type KeyPress = Pick<Electron.Input, 'type' | 'key' | 'code' | 'control' | 'meta' | 'alt'>;
export type PlaceOfMenu = Pick<Electron.ContextMenuParams, 'isEditable' | 'selectionText'> & {
  editFlags: Pick<Electron.EditFlags, 'canCut' | 'canCopy' | 'canPaste' | 'canSelectAll'>;
};

export type WindowEvents = { close: [event: Electron.Event]; closed: []; 'ready-to-show': [] };
/** Of Windows alone, to each window: the session is asked to end, and then it ends. */
export type SessionEvents = {
  'query-session-end': [event: Electron.WindowSessionEndEvent];
  'session-end': [event: Electron.WindowSessionEndEvent];
};

export type Emits<Events extends object> = {
  on<Name extends keyof Events & string>(
    event: Name,
    listener: (...args: Events[Name] extends unknown[] ? Events[Name] : never) => void,
  ): unknown;
};

export type FrameSurface = Pick<Electron.WebFrameMain, 'url'> & { readonly parent: unknown };

export type WebContentsSurface = Emits<ContentsEvents> &
  Pick<
    Electron.WebContents,
    | 'id'
    | 'getURL'
    | 'send'
    | 'isDestroyed'
    | 'setWindowOpenHandler'
    | 'getOSProcessId'
    | 'getZoomFactor'
    | 'setZoomFactor'
  >;

export type IpcEventSurface = { readonly sender: WebContentsSurface; readonly senderFrame: FrameSurface | null };

export type WindowSurface = Emits<WindowEvents> &
  Pick<
    Electron.BrowserWindow,
    | 'show'
    | 'hide'
    | 'focus'
    | 'restore'
    | 'isMinimized'
    | 'isVisible'
    | 'isFocused'
    | 'isDestroyed'
    | 'flashFrame'
    | 'destroy'
    | 'loadURL'
  > & { readonly webContents: WebContentsSurface };

export type TraySurface = Pick<Electron.Tray, 'setToolTip' | 'destroy'> &
  Emits<{ click: [] }> & { setContextMenu(menu: MenuSurface | null): void };
export type MenuSurface = { readonly items: readonly MenuItemSurface[]; popup(): void };
export type MenuItemSurface = Pick<Electron.MenuItem, 'label' | 'enabled' | 'id'>;
export type MenuTemplate = Electron.MenuItemConstructorOptions;

export type NotificationSurface = Pick<Electron.Notification, 'show' | 'close'> & Emits<{ click: [] }>;

export type MessageBoxOptions = Electron.MessageBoxOptions;

export type SessionSurface = Pick<
  Electron.Session,
  | 'setPermissionRequestHandler'
  | 'setPermissionCheckHandler'
  | 'setDevicePermissionHandler'
  | 'setDisplayMediaRequestHandler'
> & { readonly protocol: Pick<Electron.Protocol, 'handle'> };

export type AppSurface = Emits<AppEvents> &
  Pick<
    Electron.App,
    | 'whenReady'
    | 'quit'
    | 'exit'
    | 'getPath'
    | 'getVersion'
    | 'getAppPath'
    | 'isPackaged'
    | 'requestSingleInstanceLock'
    | 'setAsDefaultProtocolClient'
    | 'setLoginItemSettings'
    | 'getLoginItemSettings'
    | 'enableSandbox'
    | 'getAppMetrics'
    | 'setBadgeCount'
    | 'setAppUserModelId'
    | 'relaunch'
  > & { readonly commandLine: Pick<Electron.CommandLine, 'appendSwitch'> };

export type UtilityEvents = { message: [message: unknown]; exit: [code: number] };
export type UtilitySurface = Emits<UtilityEvents> & Pick<Electron.UtilityProcess, 'postMessage' | 'kill'>;

export type ElectronSurface = {
  readonly app: AppSurface;
  readonly BrowserWindow: { new (options?: Electron.BrowserWindowConstructorOptions): WindowSurface };
  /** A window without a page. */
  readonly BaseWindow: { new (options?: Electron.BaseWindowConstructorOptions): Emits<SessionEvents> };
  /** By path, so that `*Template.png` becomes a template image on macOS. */
  readonly Tray: { new (imagePath: string): TraySurface };
  readonly Menu: {
    buildFromTemplate(template: MenuTemplate[]): MenuSurface;
    setApplicationMenu(menu: MenuSurface | null): void;
  };
  readonly Notification: {
    new (options?: Electron.NotificationConstructorOptions): NotificationSurface;
    isSupported(): boolean;
  };
  readonly dialog: {
    showMessageBox(options: MessageBoxOptions): Promise<Electron.MessageBoxReturnValue>;
    showErrorBox(title: string, content: string): void;
  };
  readonly ipcMain: {
    handle(channel: string, listener: (event: IpcEventSurface, ...args: unknown[]) => unknown): void;
    removeHandler(channel: string): void;
  };
  readonly powerMonitor: Emits<PowerEvents> &
    Pick<
      Electron.PowerMonitor,
      'getSystemIdleTime' | 'getSystemIdleState' | 'isOnBatteryPower' | 'getCurrentThermalState'
    >;
  readonly powerSaveBlocker: Pick<Electron.PowerSaveBlocker, 'start' | 'stop'>;
  readonly protocol: Pick<Electron.Protocol, 'registerSchemesAsPrivileged'>;
  readonly safeStorage: Pick<
    Electron.SafeStorage,
    'isAsyncEncryptionAvailable' | 'encryptStringAsync' | 'decryptStringAsync' | 'getSelectedStorageBackend'
  >;
  readonly session: { readonly defaultSession: SessionSurface };
  readonly shell: Pick<Electron.Shell, 'openExternal'>;
  readonly utilityProcess: {
    fork(modulePath: string, args?: string[], options?: Electron.ForkOptions): UtilitySurface;
  };
};
