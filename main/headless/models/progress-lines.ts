import type { DownloadProgress } from '../../../shared/downloads/download-meter.ts';

const STEP = 0.1;
const MEGABYTE = 1e6;
/** One line says enough of what is there so soon. */
const SMALL_BYTES = 10 * MEGABYTE;

/** Turns the many progress events of a download into a line per file and tenth, one for a small file, for a person or a log. */
export function createProgressLines(write: (line: string) => void): (progress: DownloadProgress) => void {
  const toldTenth = new Map<string, number>();
  return ({ model, file, loadedBytes, totalBytes }) => {
    const key = `${model}/${file}`;
    const tenth = totalBytes === null || totalBytes === 0 ? 0 : Math.floor(loadedBytes / totalBytes / STEP);
    if (toldTenth.get(key) === tenth) return;
    if (totalBytes !== null && totalBytes < SMALL_BYTES && loadedBytes < totalBytes) return;
    toldTenth.set(key, tenth);
    const [unit, bytes] = totalBytes !== null && totalBytes < MEGABYTE ? ['kB', 1_000] : ['MB', MEGABYTE];
    const [loaded, total] = [loadedBytes, totalBytes ?? 0].map((size) => (size / bytes).toFixed(1));
    write(`downloading ${model} ${file}: ${totalBytes === null ? loaded : `${loaded} of ${total}`} ${unit}`);
  };
}
