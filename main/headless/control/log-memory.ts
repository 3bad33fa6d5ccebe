import type { AgentLog } from '../../../shared/agent/log.ts';
import { LOG_LINES_MOST } from '../../../shared/control/control-protocol.ts';
import { type LogLevel, logLine } from '../log-line.ts';

/** What a log has written, each line a JSON object as text. */
export type ReadableLog = {
  /** The last so many lines, oldest first. */
  tail(lines: number): string[];
  /** Calls back with each line from now on, until what it returns is called. A listener must not log. */
  onLine(listener: (line: string) => void): () => void;
};

export type LineListeners = { add: ReadableLog['onLine']; tell(line: string): void };

export function createLineListeners(): LineListeners {
  const listeners = new Set<(line: string) => void>();
  return {
    add: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    tell: (line) => {
      for (const listener of [...listeners]) listener(line);
    },
  };
}

/**
 * The log of a process that writes it elsewhere, with its last lines in memory. They are kept at every level, as what is
 * written elsewhere may be less than somebody at this machine wants to know now.
 */
export function rememberLog(log: AgentLog, now: () => number): AgentLog & ReadableLog {
  const remembered: string[] = [];
  const listeners = createLineListeners();
  const note = (level: LogLevel, fields: Record<string, unknown>, message: string): void => {
    log[level](fields, message);
    const line = logLine({ level, fields, message, at: now() });
    remembered.push(line);
    if (remembered.length > LOG_LINES_MOST) remembered.shift();
    listeners.tell(line);
  };
  return {
    info: (fields, message) => note('info', fields, message),
    warn: (fields, message) => note('warn', fields, message),
    error: (fields, message) => note('error', fields, message),
    tail: (lines) => (lines === 0 ? [] : remembered.slice(-lines)),
    onLine: listeners.add,
  };
}
