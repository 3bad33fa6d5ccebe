import { contextBridge, type IpcRendererEvent, ipcRenderer } from 'electron';
import type { IpcAnswer } from '../../shared/ipc/answer.ts';
import { UI_CALL_NAMES, UI_STATE_CHANNEL, uiChannel } from '../../shared/ipc/ui-channels.ts';

/** One function per call of the contract: the page gets no channel to name, no ipcRenderer and no event. */
const calls = Object.fromEntries(
  UI_CALL_NAMES.map((name) => [
    name,
    (input: unknown = null): Promise<IpcAnswer<unknown>> => ipcRenderer.invoke(uiChannel(name), input),
  ]),
);

contextBridge.exposeInMainWorld('sparewatt', {
  ...calls,
  onState: (listener: (state: unknown) => void) => {
    const onState = (_event: IpcRendererEvent, state: unknown): void => listener(state);
    ipcRenderer.on(UI_STATE_CHANNEL, onState);
    return () => void ipcRenderer.removeListener(UI_STATE_CHANNEL, onState);
  },
});
