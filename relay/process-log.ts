import pino, { type DestinationStream, type Logger } from 'pino';

/**
 * The structured log of a process: one JSON object per line, on stderr unless told otherwise, so that stdout stays for
 * results. Error causes are kept; request bodies are never given to it.
 */
export function createProcessLog(level: string, destination?: DestinationStream): Logger {
  return pino(
    { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    destination ?? pino.destination({ dest: 2, sync: true }),
  );
}
