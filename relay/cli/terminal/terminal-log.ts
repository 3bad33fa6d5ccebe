import type { DestinationStream, Logger } from 'pino';
import { createProcessLog, openStderrLog } from '../../process-log.ts';
import { clockText } from './moment-text.ts';
import { printable } from './printable.ts';
import { err } from './style.ts';

type Paint = (text: string) => string;
const LEVELS: readonly [least: number, name: string, paint: Paint][] = [
  [50, 'error', err.red],
  [40, 'warn', err.yellow],
  [30, 'info', err.dim],
];
const DEBUG: (typeof LEVELS)[number] = [0, 'debug', err.dim];

/** The log of a command on stderr: lines for a person where that is a terminal, else one JSON object each, as programs read them. */
export function createCommandLog(level: string): Logger {
  return createProcessLog(level, process.stderr.isTTY ? readable(openStderrLog(), level === 'debug') : undefined);
}

function readable(output: DestinationStream, withStacks: boolean): DestinationStream {
  return { write: (line) => output.write(terminalLine(line, withStacks)) };
}

/**
 * A line of the log as a person reads it: the time of day, the level, the sentence, and what else is known. Of an error it has
 * what the error says; where it was thrown is in the JSON, and here with `withStacks`.
 */
export function terminalLine(line: string, withStacks: boolean): string {
  const { level, time, pid: _pid, msg, err: error, ...fields } = parsed(line);
  if (typeof level !== 'number' || typeof msg !== 'string') return line;
  const [, name, paint] = LEVELS.find(([least]) => level >= least) ?? DEBUG;
  const more = Object.entries(fields).map(([key, value]) => err.dim(printable(`${key}=${textOf(value)}`)));
  const { message, stack } = Object(error) as { message?: unknown; stack?: unknown };
  const fault = typeof message === 'string' ? [printable(message)] : [];
  const clock = err.dim(clockText(new Date(String(time)), 'seconds'));
  const stacked = withStacks && typeof stack === 'string' ? `${stack.split('\n').map(printable).join('\n')}\n` : '';
  return `${[clock, paint(name.padEnd(5)), printable(msg), ...fault, ...more].join('  ')}\n${stacked}`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function parsed(line: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(line)) as Record<string, unknown>;
  } catch {
    return {};
  }
}
