/** A line of the app's log; `rest` are its other fields. */
export type LogLine = { time: string; level: string; message: string; code: string | undefined };

const RANKS: Readonly<Record<string, number>> = { info: 0, warn: 1, error: 2 };
export type Level = 'info' | 'warn' | 'error';

/** Reads a line; one that is damaged is left out. */
export function readLogLine(text: string): LogLine | undefined {
  try {
    const { time, level, message, code } = JSON.parse(text) as Record<string, unknown>;
    if (typeof time !== 'string' || typeof level !== 'string' || typeof message !== 'string') return undefined;
    return { time, level, message, code: typeof code === 'string' ? code : undefined };
  } catch {
    return undefined;
  }
}

export function isAtLeast({ level }: LogLine, least: Level): boolean {
  return (RANKS[level] ?? 0) >= (RANKS[least] ?? 0);
}
