import { isObject } from '../../../shared/registry/json-schema.ts';

type Input = Record<string, unknown>;

/** As many digits as a double may not hold. */
const LONG_NUMBER = /\d{16}/;
const BYTE_ORDER_MARK = /^\uFEFF/;

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

/** Does the same with what clients say their tools were called with: `body` is what was read of `text`, and passed its check. */
export function keepToolInputs(body: unknown, text: string): void {
  if (!LONG_NUMBER.test(text)) return;
  const calls = callsOf(body);
  if (calls.length === 0) return;
  const asWritten = callsOf(JSON.parse(text.replace(BYTE_ORDER_MARK, ''), keepLongNumbers as Reviver));
  for (const [index, call] of calls.entries()) {
    if (isObject(call.input)) call.input = asWritten[index]?.input;
  }
}

/** In their order; what is otherwise not as it should be is refused later. */
function callsOf(body: unknown): { input?: unknown }[] {
  const messages = isObject(body) && Array.isArray(body.messages) ? body.messages : [];
  const blocks = messages.flatMap((message: unknown) => (isObject(message) ? message.content : []));
  return blocks.filter((block: unknown) => isObject(block) && block.type === 'tool_use') as { input?: unknown }[];
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
