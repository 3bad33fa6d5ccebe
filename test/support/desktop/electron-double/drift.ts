/** Types alone: each event exists on the real object, and what it really carries fits what the surface says. */
import type * as Electron from 'electron';
import type {
  AppEvents,
  ContentsEvents,
  PowerEvents,
  SessionEvents,
  UtilityEvents,
  WindowEvents,
} from '../../../../main/surface.ts';

type Listener<Args extends unknown[]> = (...args: Args) => void;

export function proveEvents(
  app: Electron.App,
  power: Electron.PowerMonitor,
  contents: Electron.WebContents,
  window: Electron.BrowserWindow,
  bare: Electron.BaseWindow,
  utility: Electron.UtilityProcess,
): void {
  const ofApp =
    <Name extends keyof AppEvents>(_: Name): Listener<AppEvents[Name]> =>
    () =>
      undefined;
  app.on('second-instance', ofApp('second-instance'));
  app.on('open-url', ofApp('open-url'));
  app.on('activate', ofApp('activate'));
  app.on('window-all-closed', ofApp('window-all-closed'));
  app.on('before-quit', ofApp('before-quit'));
  app.on('child-process-gone', ofApp('child-process-gone'));
  app.on('web-contents-created', ofApp('web-contents-created'));
  const ofPower =
    <Name extends keyof PowerEvents>(_: Name): Listener<PowerEvents[Name]> =>
    () =>
      undefined;
  power.on('suspend', ofPower('suspend'));
  power.on('resume', ofPower('resume'));
  power.on('on-ac', ofPower('on-ac'));
  power.on('on-battery', ofPower('on-battery'));
  power.on('lock-screen', ofPower('lock-screen'));
  power.on('unlock-screen', ofPower('unlock-screen'));
  power.on('shutdown', ofPower('shutdown'));
  power.on('thermal-state-change', ofPower('thermal-state-change'));
  const ofContents =
    <Name extends keyof ContentsEvents>(_: Name): Listener<ContentsEvents[Name]> =>
    () =>
      undefined;
  contents.on('will-navigate', ofContents('will-navigate'));
  contents.on('will-attach-webview', ofContents('will-attach-webview'));
  contents.on('did-finish-load', ofContents('did-finish-load'));
  contents.on('unresponsive', ofContents('unresponsive'));
  contents.on('render-process-gone', ofContents('render-process-gone'));
  contents.on('before-input-event', ofContents('before-input-event'));
  contents.on('zoom-changed', ofContents('zoom-changed'));
  contents.on('context-menu', ofContents('context-menu'));
  const ofWindow =
    <Name extends keyof WindowEvents>(_: Name): Listener<WindowEvents[Name]> =>
    () =>
      undefined;
  window.on('close', ofWindow('close'));
  window.on('closed', ofWindow('closed'));
  window.on('ready-to-show', ofWindow('ready-to-show'));
  const ofSession =
    <Name extends keyof SessionEvents>(_: Name): Listener<SessionEvents[Name]> =>
    () =>
      undefined;
  bare.on('query-session-end', ofSession('query-session-end'));
  bare.on('session-end', ofSession('session-end'));
  const ofUtility =
    <Name extends keyof UtilityEvents>(_: Name): Listener<UtilityEvents[Name]> =>
    () =>
      undefined;
  utility.on('message', ofUtility('message'));
  utility.on('exit', ofUtility('exit'));
}
