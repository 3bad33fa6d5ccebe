const VALUE_MOST_CHARACTERS = 2_000;
/** Names under which texts of jobs and secrets travel; no line has a reason to hold one. */
const NEVER =
  /^(?:prompt|messages?|content|text|texts|input|inputs|output|answer|token|code|seed|secret|password|authorization|invitation|link)$/i;
/** The code of a problem is a word of our own table. */
const PROBLEM_CODE = /^[a-z_]{1,64}$/;

export type LogLevel = 'info' | 'warn' | 'error';
export type LogEvent = { level: LogLevel; fields: Record<string, unknown>; message: string; at: number };

/**
 * One JSON object as the node's owner may read it. A second guard stands behind those who log: fields that could hold a text
 * of a job or a secret are dropped, and only numbers, short texts and errors are written.
 */
export function logLine({ level, fields, message, at }: LogEvent): string {
  return JSON.stringify({ time: new Date(at).toISOString(), level, message, ...kept(fields) });
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
