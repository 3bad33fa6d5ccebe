import type { DownloadProgress } from '../../../shared/downloads/download-meter.ts';

const STEP = 0.1;
const MEBIBYTE = 1_048_576;

/** Turns the many progress events of a download into a line per file and tenth, for a person or a log. */
export function createProgressLines(write: (line: string) => void): (progress: DownloadProgress) => void {
  const toldTenth = new Map<string, number>();
  return ({ model, file, loadedBytes, totalBytes }) => {
    const key = `${model}/${file}`;
    const tenth = totalBytes === null || totalBytes === 0 ? 0 : Math.floor(loadedBytes / totalBytes / STEP);
    if (toldTenth.get(key) === tenth) return;
    toldTenth.set(key, tenth);
    const loaded = (loadedBytes / MEBIBYTE).toFixed(1);
    const total = totalBytes === null ? '' : ` of ${(totalBytes / MEBIBYTE).toFixed(1)}`;
    write(`downloading ${model} ${file}: ${loaded}${total} MB`);
  };
}
