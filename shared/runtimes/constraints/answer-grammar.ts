import { Problem } from '../../problems/problem.ts';
import type { AnswerFormat, ChatInput, ToolDeclaration } from '../../protocol/messages.ts';
import { isJsonObject, type JsonObject } from '../transformers/model-files.ts';
import { utf8Of } from './characters.ts';
import type { GrammarTools, GrammarWriter } from './constraint.ts';
import { textNotBeginningWith, textUntil } from './free-text.ts';
import { readPattern } from './pattern.ts';
import { compileSchema, createEffort } from './schema.ts';
import { taggedArguments, taggedCallTerm } from './tagged-calls.ts';
import type { Term } from './terms.ts';
import type { ToolFormat } from './tool-formats.ts';

/** The part of a chat that says what its answer must look like. */
export type AnswerWishes = Pick<ChatInput, 'format' | 'tools' | 'toolChoice' | 'parallelToolCalls'>;

/** Where the parts of the wishes stand in the request that a client sent. */
const FORMAT_PARAMS = {
  json_object: 'response_format',
  json_schema: 'response_format.json_schema.schema',
  choice: 'structured_outputs.choice',
  regex: 'structured_outputs.regex',
} as const;

/** A model that calls on and on is stopped here. */
const MOST_CALLS = 16;

/**
 * The grammar of an answer; `null` when any text will do. `onIgnored` hears of the parts of tool schemas that are not
 * `strict` and cannot be enforced; other schemas are refused for them.
 */
export function answerGrammar(
  wishes: AnswerWishes,
  format: ToolFormat,
  onIgnored: (param: string) => void = () => undefined,
): GrammarWriter | null {
  const tools = offeredTools(wishes);
  const text = wishes.format;
  if (tools.length === 0) return text === undefined ? null : (using) => textTerm(text, using);
  const isFree = (wishes.toolChoice ?? 'auto') === 'auto';
  if (isFree && text !== undefined && format.mark === null) {
    throw new Problem(
      'unsupported_parameter',
      'This model cannot tell a tool call from a JSON answer. Leave response_format out, or set tool_choice to required or none.',
      { param: 'response_format' },
    );
  }
  const isSingle = wishes.parallelToolCalls === false || format.separator === null;
  return (using) => {
    const call = callTerm(tools, format, using, onIgnored);
    const mark = using.terms.literal(format.mark === null ? '' : using.mark(format.mark));
    const next = using.terms.sequence(using.json.text(format.separator ?? ''), mark, call);
    const more = isSingle ? using.terms.empty : using.terms.repeat(next, 0, MOST_CALLS - 1);
    const calls = using.terms.sequence(call, more);
    if (!isFree) return using.terms.sequence(mark, calls);
    if (text !== undefined) return using.terms.choice([textTerm(text, using), using.terms.sequence(mark, calls)]);
    if (format.mark !== null) return textUntil(using.terms, using.mark(format.mark), calls);
    return using.terms.choice([calls, textNotBeginningWith(using.terms, format.open.charCodeAt(0))]);
  };
}

/** The tools that the answer may call. */
export function offeredTools({ tools = [], toolChoice = 'auto' }: AnswerWishes): readonly ToolDeclaration[] {
  if (toolChoice === 'none') return [];
  return typeof toolChoice === 'object' ? tools.filter(({ name }) => name === toolChoice.name) : tools;
}

function textTerm(format: AnswerFormat, { terms, json }: GrammarTools): Term {
  switch (format.type) {
    case 'json_object':
      return json.anyObject();
    case 'json_schema':
      return compileSchema(format.schema, terms, json, { param: FORMAT_PARAMS.json_schema });
    case 'choice':
      return terms.choice(format.choices.map(json.text));
    case 'regex':
      return readPattern(format.pattern, FORMAT_PARAMS.regex, 'whole').toTerm(terms, (set) => utf8Of(terms, set));
  }
}

/** One call after its mark. */
function callTerm(
  tools: readonly ToolDeclaration[],
  format: ToolFormat,
  { terms, json, mark }: GrammarTools,
  onIgnored: (param: string) => void,
): Term {
  const effort = createEffort('tools');
  const calls = tools.map((tool) => {
    const param = `tools.${tool.name}.parameters`;
    const options = tool.strict === true ? { param, effort } : { param, effort, onIgnored };
    const declared = format.tagged === undefined ? null : taggedArguments(tool);
    if (format.tagged !== undefined && declared !== null) {
      return taggedCallTerm(tool.name, declared, format.tagged, {
        terms,
        json,
        jsonOf: (schema, argument) =>
          compileSchema(schema, terms, json, { ...options, param: `${param}.properties.${argument}` }),
      });
    }
    const values = compileSchema(parametersOf(tool, param), terms, json, options);
    const named = format.isBetweenMark
      ? terms.sequence(json.text(`${format.open}${tool.name}`), terms.literal(mark(format.between)))
      : json.text(`${format.open}${tool.name}${format.between}`);
    return terms.sequence(named, values, json.text(format.close));
  });
  return terms.choice(calls);
}

/** The arguments of a call are an object in every format. */
function parametersOf({ parameters }: ToolDeclaration, param: string): JsonObject {
  if (parameters === undefined) return { type: 'object', properties: {}, additionalProperties: false };
  if (isJsonObject(parameters) && parameters.$ref === undefined && (parameters.type ?? 'object') === 'object') {
    return { ...parameters, type: 'object' };
  }
  throw new Problem('invalid_value', 'The parameters of a function must be a schema with "type": "object".', { param });
}
