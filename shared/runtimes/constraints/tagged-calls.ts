import type { ToolDeclaration } from '../../protocol/messages.ts';
import { isJsonObject } from '../transformers/model-files.ts';
import { textThrough } from './free-text.ts';
import type { JsonText } from './json-text.ts';
import { assertionsOf } from './schema-keywords.ts';
import type { Term, Terms } from './terms.ts';

/** How calls are written whose arguments stand one by one between tags, texts as they are and anything else as JSON. */
export type TaggedCalls = {
  /** Before the function's name, behind it, and behind the last argument. */
  readonly open: string;
  readonly between: string;
  readonly close: string;
  /** Before an argument's name, behind it, and behind its value. */
  readonly argument: string;
  readonly value: string;
  readonly end: string;
};

/** What an argument may be. */
export type TaggedArgument = {
  readonly schema: unknown;
  readonly isRequired: boolean;
  /** Any text; `null` for what is written as JSON, its quotes included where it is a text of some form. */
  readonly isText: boolean;
};

const SAID_OF_EACH = new Set(['type', 'properties', 'required', 'additionalProperties']);

/**
 * The arguments of a tool by their names; `null` where the parameters say more than what each of them is: such a call is one piece
 * of JSON, as are those of other models.
 */
export function taggedArguments({ parameters }: ToolDeclaration): ReadonlyMap<string, TaggedArgument> | null {
  if (parameters === undefined) return new Map();
  if (!isJsonObject(parameters) || !assertionsOf(parameters).every((keyword) => SAID_OF_EACH.has(keyword))) return null;
  const { type = 'object', properties = {}, required = [], additionalProperties: others } = parameters;
  if (type !== 'object' || !isJsonObject(properties) || !Array.isArray(required)) return null;
  const names = Object.keys(properties);
  // A reference is to the whole of the parameters.
  const isApart = !JSON.stringify(properties).includes('"$ref"') && names.every((name) => /^[^<>\n]+$/.test(name));
  const isAny = names.length === 0 && others !== false;
  if (!isApart || isAny || Object.values(properties).includes(false)) return null;
  if (!required.every((name) => Object.hasOwn(properties, String(name)))) return null;
  return new Map(
    Object.entries(properties).map(([name, schema]) => {
      const isText = isJsonObject(schema) && schema.type === 'string' && assertionsOf(schema).length === 1;
      return [name, { schema, isRequired: required.includes(name), isText }];
    }),
  );
}

export type TaggedTools = {
  readonly terms: Terms;
  readonly json: JsonText;
  /** What a value must be, as JSON; `name` is its argument's. */
  jsonOf(schema: unknown, name: string): Term;
};

/** A call of the function with this name, its arguments in the order of their declaration. */
export function taggedCallTerm(
  name: string,
  declared: ReadonlyMap<string, TaggedArgument>,
  tagged: TaggedCalls,
  { terms, json, jsonOf }: TaggedTools,
): Term {
  const text = textThrough(terms, tagged.end);
  const given = [...declared].map(([argument, { schema, isRequired, isText }]) => {
    const value = isText ? text : terms.sequence(jsonOf(schema, argument), json.text(tagged.end));
    const whole = terms.sequence(json.text(`${tagged.argument}${argument}${tagged.value}`), value);
    return isRequired ? whole : terms.choice([whole, terms.empty]);
  });
  return terms.sequence(json.text(`${tagged.open}${name}${tagged.between}`), ...given, json.text(tagged.close));
}

/** What is told of a call while it is read. */
export type ToldCall = {
  name(name: string): void;
  /** A piece of its arguments as JSON. */
  argue(text: string): void;
};

/**
 * Reads one such call, a character at each step, and tells its arguments as JSON; ends with its last character. The call was made under its
 * grammar, so that only what that allows has to be understood.
 */
export function* readTaggedCall(
  { open, between, close, argument, value, end }: TaggedCalls,
  isText: (name: string, argument: string) => boolean,
  told: ToldCall,
): Generator<void, void, string> {
  for (let at = 0; at < open.length; at++) yield;
  let name = '';
  let next = yield;
  for (; /[A-Za-z0-9_.-]/.test(next); next = yield) name += next;
  told.name(name);
  let lead = '{';
  for (let ways = [between + argument, between + close]; (yield* oneOf(ways, next)) === 0; ways = [argument, close]) {
    const key = yield* textBefore(value);
    const isPlain = isText(name, key);
    told.argue(`${lead}${JSON.stringify(key)}: ${isPlain ? '"' : ''}`);
    yield* passOn(end, (piece) => told.argue(isPlain ? JSON.stringify(piece).slice(1, -1) : piece));
    if (isPlain) told.argue('"');
    lead = ', ';
    next = '';
  }
  told.argue(lead === '{' ? '{}' : '}');
}

/** Which of the texts comes; none of them begins with another. `read` are characters of it that were read before. */
function* oneOf(texts: readonly string[], read: string): Generator<void, number, string> {
  let seen = read;
  while (!texts.includes(seen)) seen += yield;
  return texts.indexOf(seen);
}

function* textBefore(mark: string): Generator<void, string, string> {
  let text = '';
  while (!text.endsWith(mark)) text += yield;
  return text.slice(0, -mark.length);
}

/** Tells what comes before the mark, as soon as it cannot be the beginning of it. */
function* passOn(mark: string, tell: (text: string) => void): Generator<void, void, string> {
  let held = '';
  while (held !== mark) {
    held += yield;
    const sure = held.length - heldBack(held, mark);
    if (sure > 0) tell(held.slice(0, sure));
    held = held.slice(sure);
  }
}

/** How many of the last characters of a text may be the beginning of the mark, or be all of it. */
export function heldBack(text: string, mark: string): number {
  let keep = Math.min(text.length, mark.length);
  while (!mark.startsWith(text.slice(text.length - keep))) keep--;
  return keep;
}
