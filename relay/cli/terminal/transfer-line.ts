import { printable } from './printable.ts';

export type TransferProgress = { model: string; file: string; loadedBytes: number; totalBytes: number | null };

/** A line of a terminal that follows a download; nothing where nobody watches, except what `say` is told. */
export type TransferLine = { show(progress: TransferProgress): void; say(text: string): void; clear(): void };

const CLEAR = '\r\u001b[K';
const MEGABYTE = 1e6;

export function createTransferLine(stream: NodeJS.WriteStream, isQuiet: boolean): TransferLine {
  const isWatched = stream.isTTY === true && !isQuiet;
  let shown = '';
  function clear(): void {
    if (shown !== '') stream.write(CLEAR);
    shown = '';
  }
  return {
    show({ model, file, loadedBytes, totalBytes }) {
      if (!isWatched) return;
      const share = totalBytes ? `${Math.floor((100 * loadedBytes) / totalBytes)} %` : 'of unknown size';
      const text = `${printable(model)} ${printable(file)}: ${(loadedBytes / MEGABYTE).toFixed(1)} MB, ${share}`;
      if (text === shown) return;
      shown = text;
      stream.write(`${CLEAR}${text.slice(0, Math.max(20, stream.columns - 1))}`);
    },
    say(text) {
      clear();
      stream.write(`${text}\n`);
    },
    clear,
  };
}
