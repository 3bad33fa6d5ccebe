import pino, { type DestinationStream, type Logger } from 'pino';
import { toFolderError } from './data-folder/folder-problems.ts';

const STDERR = 2;
/** Of lines that cannot be written; later ones are lost. */
const MOST_HELD_BYTES = 1024 * 1024;

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

/** A log in a file, for its owner alone. Errors: `data_folder_unusable`. */
export function openLogFile(path: string): DestinationStream {
  try {
    return openLog(path);
  } catch (error) {
    throw toFolderError(error, path);
  }
}

/** A log that cannot be written, as on a full disk, does not end the process it tells of. It goes on when there is room again. */
function openLog(dest: string | number): DestinationStream {
  const stream = pino.destination({ dest, sync: true, mode: 0o600, maxLength: MOST_HELD_BYTES });
  stream.on('error', () => undefined);
  return stream;
}
