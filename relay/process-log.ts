import { fstatSync, renameSync } from 'node:fs';
import pino, { type DestinationStream, type Logger } from 'pino';
import { codeOf, toFolderError } from './data-folder/folder-problems.ts';

const STDERR = 2;
/** Of lines that cannot be written; later ones are lost. */
const MOST_HELD_BYTES = 1024 * 1024;
/** Two of this size at most: weeks of a relay that works, and of one that has nothing but trouble the last hours. */
const MOST_FILE_BYTES = 10 * 1024 * 1024;

/**
 * The structured log of a process: one JSON object per line, on stderr unless told otherwise, so that stdout stays for
 * results. Error causes are kept; request bodies are never given to it.
 */
export function createProcessLog(level: string, destination: DestinationStream = openStderrLog()): Logger {
  return pino({ level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}

export function openStderrLog(): DestinationStream {
  return openLog(STDERR);
}

/**
 * A log in a file, for its owner alone. One that has become too large is kept as `FILE.1` in the place of the one before, and
 * a new one begun. Errors: `data_folder_unusable`.
 */
export function openLogFile(path: string, mostBytes = MOST_FILE_BYTES): DestinationStream {
  try {
    const stream = openLog(path);
    return {
      write: (text) => {
        if (fstatSync(stream.fd).size >= mostBytes) beginAnew(stream, path);
        stream.write(text);
      },
    };
  } catch (error) {
    throw toFolderError(error, path);
  }
}

type LogStream = ReturnType<typeof pino.destination> & { readonly fd: number };

/** A file that cannot be put aside, as one that another program has open on Windows, is written on until it can. */
function beginAnew(stream: LogStream, path: string): void {
  try {
    renameSync(path, `${path}.1`);
  } catch (error) {
    // Somebody has taken it away, and what is written there now has no name.
    if (codeOf(error) !== 'ENOENT') return;
  }
  try {
    stream.reopen();
  } catch {
    // As in a folder that is gone: it is tried again with the next line.
  }
}

/** A log that cannot be written, as on a full disk, does not end the process it tells of. It goes on when there is room again. */
function openLog(dest: string | number): LogStream {
  const stream = pino.destination({ dest, sync: true, mode: 0o600, maxLength: MOST_HELD_BYTES });
  stream.on('error', () => undefined);
  return stream as LogStream;
}
