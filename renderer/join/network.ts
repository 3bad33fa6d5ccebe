/** Chromium's alone; other browsers do not tell. */
type Connection = { saveData?: boolean; type?: string };

/** Whether the browser says that what comes over this network is dear: its owner saves data, or it is a phone's. */
export function isNetworkDear(): boolean {
  const { connection } = navigator as Navigator & { connection?: Connection };
  return connection?.saveData === true || connection?.type === 'cellular';
}
