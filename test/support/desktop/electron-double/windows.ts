import { EventEmitter } from 'node:events';
import type * as Electron from 'electron';
import type { FrameSurface } from '../../../../main/surface.ts';

/** An event that says whether its default was prevented. */
export type DoubleEvent = Electron.Event & { defaultPrevented: boolean };

export function doubleEvent<Extra extends object = object>(extra?: Extra): DoubleEvent & Extra {
  const event = {
    defaultPrevented: false,
    preventDefault() {
      this.defaultPrevented = true;
    },
    ...extra,
  };
  return event as DoubleEvent & Extra;
}

export type SentMessage = { channel: string; args: unknown[] };

/** What stands behind a window: nothing, or a page of a real Chromium. */
export type RendererHost = {
  open(window: WindowDouble, url: string): Promise<RendererLink>;
};
export type RendererLink = { deliver(channel: string, args: unknown[]): void; close(): void };

export const NO_RENDERER: RendererHost = {
  open: async () => ({ deliver: () => undefined, close: () => undefined }),
};

/** What windows tell the double they belong to. */
export type WindowOwner = {
  readonly renderer: () => RendererHost;
  created(window: WindowDouble): void;
  destroyed(window: WindowDouble): void;
  invoke(contents: ContentsDouble, frame: FrameSurface | null, channel: string, args: unknown[]): Promise<unknown>;
};

let lastId = 0;

export class ContentsDouble extends EventEmitter {
  readonly id: number;
  readonly sent: SentMessage[] = [];
  link: RendererLink | undefined;
  isGone = false;
  url = '';
  zoomFactor = 1;
  openHandler: ((details: Electron.HandlerDetails) => Electron.WindowOpenHandlerResponse) | undefined;

  constructor() {
    super();
    lastId += 1;
    this.id = lastId;
  }

  getURL(): string {
    return this.url;
  }
  getOSProcessId(): number {
    return 10_000 + this.id;
  }
  getZoomFactor(): number {
    return this.zoomFactor;
  }
  setZoomFactor(factor: number): void {
    // Kept as a level, as Chromium does.
    this.zoomFactor = 1.2 ** (Math.log(factor) / Math.log(1.2));
  }
  isDestroyed(): boolean {
    return this.isGone;
  }
  send(channel: string, ...args: unknown[]): void {
    if (this.isGone) throw new TypeError('Object has been destroyed');
    const copy: unknown[] = structuredClone(args);
    this.sent.push({ channel, args: copy });
    this.link?.deliver(channel, copy);
  }
  setWindowOpenHandler(handler: (details: Electron.HandlerDetails) => Electron.WindowOpenHandlerResponse): void {
    this.openHandler = handler;
  }
  /** Dies as a renderer does. */
  crash(reason: Electron.RenderProcessGoneDetails['reason'] = 'crashed'): void {
    this.emit('render-process-gone', doubleEvent(), { reason, exitCode: 1 });
  }
}

export class WindowDouble extends EventEmitter {
  readonly webContents = new ContentsDouble();
  readonly options: Electron.BrowserWindowConstructorOptions;
  readonly owner: WindowOwner;
  isShown: boolean;
  hasFocus = false;
  isFlashing = false;
  isGone = false;
  isSmall = false;

  constructor(owner: WindowOwner, options: Electron.BrowserWindowConstructorOptions = {}) {
    super();
    this.owner = owner;
    this.options = options;
    this.isShown = options.show !== false;
    owner.created(this);
  }

  show(): void {
    this.isShown = true;
    this.hasFocus = true;
  }
  hide(): void {
    this.isShown = false;
    this.hasFocus = false;
  }
  focus(): void {
    this.hasFocus = true;
  }
  restore(): void {
    this.isSmall = false;
  }
  isMinimized(): boolean {
    return this.isSmall;
  }
  isFocused(): boolean {
    return this.hasFocus;
  }
  flashFrame(isWanted: boolean): void {
    this.isFlashing = isWanted;
  }
  isVisible(): boolean {
    return this.isShown;
  }
  isDestroyed(): boolean {
    return this.isGone;
  }
  /** What the cross in the corner does. */
  close(): void {
    const event = doubleEvent();
    this.emit('close', event);
    if (!event.defaultPrevented) this.destroy();
  }
  destroy(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.webContents.isGone = true;
    this.webContents.link?.close();
    this.owner.destroyed(this);
    this.emit('closed');
  }
  async loadURL(url: string): Promise<void> {
    this.webContents.url = url;
    this.webContents.link = await this.owner.renderer().open(this, url);
    this.webContents.emit('did-finish-load');
    this.emit('ready-to-show');
  }
  /** What the page of this window, or a frame that says it is of it, asks. */
  async ask<Answer = unknown>(
    channel: string,
    args: unknown[] = [],
    frame: Partial<FrameSurface> = {},
  ): Promise<Answer> {
    const sender = { url: this.webContents.url, parent: null, ...frame };
    return (await this.owner.invoke(this.webContents, sender, channel, args)) as Answer;
  }
  lastSent(channel: string): unknown {
    return this.webContents.sent.findLast((message) => message.channel === channel)?.args[0];
  }
}
