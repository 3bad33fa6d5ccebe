/** Chromium's alone; other browsers do not tell. */
type Connection = EventTarget & { saveData?: boolean; type?: string };

/** Whether the browser says that what comes over this network is dear: its owner saves data, or it is a phone's. */
export function isNetworkDear(): boolean {
  const connection = connectionOf();
  return connection?.saveData === true || connection?.type === 'cellular';
}

export function onNetworkChange(listener: () => void): void {
  connectionOf()?.addEventListener?.('change', listener);
}

function connectionOf(): Connection | undefined {
  return (navigator as Navigator & { connection?: Connection }).connection;
}
