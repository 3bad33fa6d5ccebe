import { contextBridge, type IpcRendererEvent, ipcRenderer } from 'electron';
import { COMPUTE_HELLO, COMPUTE_ORDER, COMPUTE_WORD } from '../../shared/ipc/compute-channels.ts';

contextBridge.exposeInMainWorld('sparewattCompute', {
  hello: (report: unknown) => ipcRenderer.invoke(COMPUTE_HELLO, report),
  say: (word: unknown) => ipcRenderer.invoke(COMPUTE_WORD, word),
  onOrder: (listener: (order: unknown) => void) => {
    const onOrder = (_event: IpcRendererEvent, order: unknown): void => listener(order);
    ipcRenderer.on(COMPUTE_ORDER, onOrder);
    return () => void ipcRenderer.removeListener(COMPUTE_ORDER, onOrder);
  },
});
