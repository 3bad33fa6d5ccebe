import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AgentLog } from '../../shared/agent/log.ts';
import { createLineListeners, type ReadableLog } from '../headless/control/log-memory.ts';
import { type LogLevel, logLine } from '../headless/log-line.ts';

export type LogFile = AgentLog & ReadableLog;

/** Two files of this size at most, which a bug report can carry. */
const MOST_BYTES = 1_048_576;

/** The app's log, one JSON object per line, in two files in turn. */
export function openLogFile(path: string, now: () => number): LogFile {
  mkdirSync(dirname(path), { recursive: true });
  const older = `${path}.1`;
  const listeners = createLineListeners();
  const write = (level: LogLevel, fields: Record<string, unknown>, message: string): void => {
    const line = logLine({ level, fields, message, at: now() });
    try {
      if (existsSync(path) && statSync(path).size >= MOST_BYTES) renameSync(path, older);
      appendFileSync(path, `${line}\n`);
    } catch {
      // A full disk must not end the app that would say so.
    }
    listeners.tell(line);
  };
  return {
    info: (fields, message) => write('info', fields, message),
    warn: (fields, message) => write('warn', fields, message),
    error: (fields, message) => write('error', fields, message),
    tail: (lines) => (lines === 0 ? [] : [older, path].flatMap(linesOf).slice(-lines)),
    onLine: listeners.add,
  };
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}
