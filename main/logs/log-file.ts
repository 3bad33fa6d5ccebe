import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AgentLog } from '../../shared/agent/log.ts';

export type LogFile = AgentLog & { tail(lines: number): string[] };

/** Two files of this size at most, which a bug report can carry. */
const MOST_BYTES = 1_048_576;
const VALUE_MOST_CHARACTERS = 2_000;
/** Names under which texts of jobs and secrets travel; no line has a reason to hold one. */
const NEVER =
  /^(?:prompt|messages?|content|text|texts|input|inputs|output|answer|token|code|seed|secret|password|authorization|invitation|link)$/i;
/** The code of a problem is a word of our own table. */
const PROBLEM_CODE = /^[a-z_]{1,64}$/;

/**
 * The app's log, one JSON object per line, in two files in turn. A second guard stands behind those who log: fields that
 * could hold a text of a job or a secret are dropped, and only numbers, short texts and errors are written.
 */
export function openLogFile(path: string, now: () => number): LogFile {
  mkdirSync(dirname(path), { recursive: true });
  const older = `${path}.1`;
  const write = (level: string, fields: Record<string, unknown>, message: string): void => {
    try {
      if (existsSync(path) && statSync(path).size >= MOST_BYTES) renameSync(path, older);
      appendFileSync(
        path,
        `${JSON.stringify({ time: new Date(now()).toISOString(), level, message, ...kept(fields) })}\n`,
      );
    } catch {
      // A full disk must not end the app that would say so.
    }
  };
  return {
    info: (fields, message) => write('info', fields, message),
    warn: (fields, message) => write('warn', fields, message),
    error: (fields, message) => write('error', fields, message),
    tail: (lines) => [older, path].flatMap(linesOf).slice(-lines),
  };
}

function kept(fields: Record<string, unknown>): Record<string, unknown> {
  const written = Object.entries(fields).flatMap(([name, value]) => {
    if (name === 'code' && typeof value === 'string' && PROBLEM_CODE.test(value)) return [[name, value]];
    if (NEVER.test(name)) return [];
    const plain = plainOf(value);
    return plain === undefined ? [] : [[name, plain]];
  });
  return Object.fromEntries(written);
}

function plainOf(value: unknown): string | number | boolean | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (value instanceof Error) return (value.stack ?? value.message).slice(0, VALUE_MOST_CHARACTERS);
  return typeof value === 'string' ? value.slice(0, VALUE_MOST_CHARACTERS) : undefined;
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}
