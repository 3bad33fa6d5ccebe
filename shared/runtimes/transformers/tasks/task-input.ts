import { Problem } from '../../../problems/problem.ts';
import type { JsonInput } from '../../../protocol/messages.ts';
import { decodeBase64 } from '../../media/media-bytes.ts';

/**
 * Reads the members of a task's input. Each reader throws `missing_required_parameter` or `invalid_value` with the
 * member's name.
 */
export type TaskInput = {
  has(name: string): boolean;
  text(name: string): string;
  /** One text or several. */
  texts(name: string): readonly string[];
  isList(name: string): boolean;
  choice<Value extends string>(name: string, among: readonly Value[], otherwise: Value): Value;
  number(name: string, minimum: number, maximum: number, otherwise: number): number;
  /** The same for whole numbers. */
  count(name: string, minimum: number, maximum: number, otherwise: number): number;
  flag(name: string, otherwise: boolean): boolean;
  /** The bytes of one file or of several, which come as base64 or as data URLs. */
  files(name: string): readonly Uint8Array[];
  file(name: string): Uint8Array;
};

/** So many texts or pictures make several batches, and an answer that still is one message. */
const MOST_ITEMS = 256;

export function readTaskInput(input: JsonInput): TaskInput {
  const required = (name: string): unknown => {
    const value = input[name];
    if (value != null) return value;
    if (typeof input.url === 'string' && FILES.has(name)) throw urlProblem();
    throw new Problem('missing_required_parameter', `Missing required parameter: '${name}'.`, { param: name });
  };
  const texts = (name: string): readonly string[] => {
    const list = listOf(required(name), name);
    if (list.every((item) => typeof item === 'string' && item.length > 0)) return list as string[];
    throw wrong(name, 'must be a text, or a list of texts, none of them empty');
  };
  const one = <Value>(list: readonly Value[], name: string): Value => {
    const [first] = list;
    if (list.length === 1 && first !== undefined) return first;
    throw wrong(name, 'must be one here, not a list');
  };
  const files = (name: string) => texts(name).map((text) => decodeBase64(text, name));
  return {
    has: (name) => input[name] != null,
    text: (name) => one(texts(name), name),
    texts,
    isList: (name) => Array.isArray(input[name]),
    choice: (name, among, otherwise) => {
      const value = input[name] ?? otherwise;
      const found = among.find((known) => known === value);
      if (found !== undefined) return found;
      throw wrong(name, `must be one of ${among.join(', ')}`);
    },
    number: (name, minimum, maximum, otherwise) => {
      const value = input[name] ?? otherwise;
      if (typeof value === 'number' && value >= minimum && value <= maximum) return value;
      throw wrong(name, `must be a number from ${minimum} to ${maximum}`);
    },
    count: (name, minimum, maximum, otherwise) => {
      const value = input[name] ?? otherwise;
      if (Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum)
        return value as number;
      throw wrong(name, `must be a whole number from ${minimum} to ${maximum}`);
    },
    flag: (name, otherwise) => {
      const value = input[name] ?? otherwise;
      if (typeof value === 'boolean') return value;
      throw wrong(name, 'must be true or false');
    },
    files,
    file: (name) => one(files(name), name),
  };
}

const FILES = new Set(['audio', 'image', 'images']);

function listOf(value: unknown, name: string): unknown[] {
  if (!Array.isArray(value)) return [value];
  if (value.length >= 1 && value.length <= MOST_ITEMS) return value;
  throw wrong(name, `must have 1 to ${MOST_ITEMS} items`);
}

function urlProblem(): Problem {
  const sentence = 'A node fetches nothing from addresses. Send the file itself, in base64.';
  return new Problem('unsupported_parameter', sentence, { param: 'url' });
}

function wrong(name: string, wish: string): Problem {
  return new Problem('invalid_value', `Invalid value for '${name}': it ${wish}.`, { param: name });
}
