import { isObject } from '../../../shared/registry/json-schema.ts';

type Input = Record<string, unknown>;

/** As many digits as a double may not hold. */
const LONG_NUMBER = /\d{16}/;

/**
 * What a tool is called with, of its arguments as text; undefined for what is no object. Numbers that no double holds, such as ids of
 * twenty digits, leave as the model wrote them, for clients whose numbers are longer.
 */
export function readToolInput(text: string): Input | undefined {
  try {
    const input: unknown = JSON.parse(text);
    if (!isObject(input)) return undefined;
    return LONG_NUMBER.test(text) ? (JSON.parse(text, keepLongNumbers as Reviver) as Input) : input;
  } catch {
    // Some models call a tool that takes nothing with nothing.
    return text.trim() === '' ? {} : undefined;
  }
}

type Reviver = Parameters<typeof JSON.parse>[1];
/** A part of what JavaScript's `JSON` does that TypeScript does not know yet. */
type RawJson = { rawJSON(text: string): unknown };

function keepLongNumbers(_key: string, value: unknown, { source }: { source?: string }): unknown {
  const isRounded = typeof value === 'number' && source !== undefined && !isSame(value, source);
  return isRounded ? (JSON as unknown as RawJson).rawJSON(source) : value;
}

/** Fractions are rounded by everybody. */
function isSame(value: number, source: string): boolean {
  return !Number.isInteger(value) || !/^-?\d+$/.test(source) || BigInt(value) === BigInt(source);
}
