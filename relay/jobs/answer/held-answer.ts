import { Problem } from '../../../shared/problems/problem.ts';
import type { AnswerFormat, ChatInput, DoneFrame } from '../../../shared/protocol/messages.ts';
import { isObject, type JsonSchema } from '../../../shared/registry/json-schema.ts';
import { compileSchema, type SchemaCheck } from '../../../shared/registry/schema-check.ts';
import { inOwnWords } from '../../../shared/runtimes/constraints/schema-keywords.ts';
import { createRecentMap } from '../../recent-map.ts';
import { finishReasonOf, type Gathered, type GatheredCall } from './gather-answer.ts';
import { createTextJudge } from './text-judge.ts';

/** Programs send the same few schemas again and again; compiling one takes milliseconds. */
const checks = createRecentMap<SchemaCheck>(64);
/** Of the answer that is looked at. */
let judge = createTextJudge();
/** Judges differ in what a character is, a date, or a multiple of 0.1; an honest node must not suffer for it. */
const LEFT_TO_NODES = new Set(['format', 'minLength', 'maxLength', 'multipleOf']);
/** What a client asked for; what was thought before it has any form. */
type Told = Omit<Gathered, 'reasoning'>;
/** Values, not schemas. */
const VALUES = new Set(['const', 'enum', 'default', 'examples']);

/**
 * Passes an answer whose choices have the form, and make the calls, that were asked for (SPEC S14); one that was cut short has
 * none. Errors: `node_fault`.
 */
export function assertHeld(input: ChatInput, choices: readonly Told[], done: DoneFrame): void {
  judge = createTextJudge();
  for (const [index, choice] of choices.entries()) {
    if (finishReasonOf(done, index) === 'length' || isHeld(choice, input)) continue;
    throw new Problem('node_fault', 'The node’s answer does not have the form that was asked for. Try again.');
  }
}

function isHeld({ content, calls }: Told, input: ChatInput): boolean {
  const { format, toolChoice = 'auto' } = input;
  if (toolChoice !== 'auto' && toolChoice !== 'none') {
    return calls.length > 0 && calls.every((call) => isAskedFor(call, input));
  }
  return format === undefined || calls.length > 0 || hasForm(content, format);
}

/** Whether a call that had to be made names a tool that it may, with arguments that the tool takes. */
function isAskedFor({ name, arguments: text }: GatheredCall, { tools = [], toolChoice }: ChatInput): boolean {
  const tool = tools.find((declared) => declared.name === name);
  if (tool === undefined || (typeof toolChoice === 'object' && toolChoice.name !== name)) return false;
  return hasForm(text, { type: 'json_object' }) && (tool.parameters === undefined || hasForm(text, schemaOf(tool)));
}

function schemaOf({ parameters }: { parameters?: unknown }): AnswerFormat {
  return { type: 'json_schema', schema: parameters };
}

function hasForm(content: string, format: AnswerFormat): boolean {
  if (format.type === 'regex') return judge(format.pattern, content, 'whole');
  if (format.type === 'choice') return format.choices.includes(content);
  try {
    const value: unknown = JSON.parse(content);
    if (format.type === 'json_object') return isObject(value);
    return checkOf(format.schema)(value) === undefined;
  } catch {
    return false;
  }
}

function checkOf(schema: unknown): SchemaCheck {
  const key = JSON.stringify(schema);
  const known = checks.get(key);
  if (known !== undefined) return known;
  const check = compiled(schema);
  checks.set(key, check);
  return check;
}

/** What no judge here can read is left to the node's word. */
function compiled(schema: unknown): SchemaCheck {
  try {
    const check = compileSchema(tolerant(schema) as JsonSchema);
    check(null);
    return check;
  } catch {
    return () => undefined;
  }
}

function tolerant(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(tolerant);
  if (!isObject(schema)) return schema;
  const kept = Object.entries(inOwnWords(schema)).filter(
    ([name, value]) => isObject(value) || !LEFT_TO_NODES.has(name),
  );
  return Object.fromEntries(kept.map(([name, value]) => tolerantMember(name, value)));
}

/**
 * A pattern is a stranger's, and there are texts with which the engine of regular expressions would hold the relay up for ever:
 * it is followed letter by letter, as nodes do.
 */
function tolerantMember(name: string, value: unknown): [name: string, value: unknown] {
  if (name !== 'pattern' || typeof value !== 'string') return [name, VALUES.has(name) ? value : tolerant(value)];
  const check = (text: unknown): boolean => typeof text !== 'string' || judge(value, text);
  return ['~refine', [{ check, error: () => 'must match its pattern' }]];
}
