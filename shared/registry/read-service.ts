import { Problem } from '../problems/problem.ts';
import { JOB_TYPES } from '../protocol/subjects.ts';
import { validatorOf } from '../protocol/validator.ts';
import { answerGrammar } from '../runtimes/constraints/answer-grammar.ts';
import { checkGrammar } from '../runtimes/constraints/constraint.ts';
import { ANY_TOOL_FORMAT } from '../runtimes/constraints/tool-formats.ts';
import { fixedOutput } from './answers.ts';
import { faultOfSchema, isObject, type JsonSchema } from './json-schema.ts';
import { placeholdersOf } from './prompt.ts';
import { compileSchema, type ValueFault } from './schema-check.ts';
import { type AnswerForm, ServiceDefinition, type ServiceRuntime } from './service.ts';

const shape = compileSchema(ServiceDefinition as unknown as JsonSchema);
const isDefinition = validatorOf(ServiceDefinition);
/** A definition is read by people; a schema this long would be a document of its own. */
const MOST_CHARACTERS = 128 * 1024;
/** Ends of addresses below that of a service. */
const RESERVED = ['schema', 'requirements'];
const ANSWERS: Readonly<Record<string, readonly AnswerForm[]>> = {
  llm: ['text', 'json'],
  embed: ['vectors', 'ranking'],
};
/** The members of the input that each way of embedding reads. */
const READ_BY: Readonly<Record<string, readonly string[]>> = { vectors: ['input'], ranking: ['query', 'documents'] };

/**
 * Reads a definition that a person wrote: its members, its schemas, and that every example fits them. What may be left
 * out is filled in. Errors: `missing_required_parameter`, `invalid_value`, with the place.
 */
export function readService(value: unknown): ServiceDefinition {
  const filled = fillIn(value);
  const fault = shape(filled);
  if (fault !== undefined) throw problemOf(fault);
  if (!isDefinition.Check(filled)) throw new TypeError('two checks of one schema disagree');
  const { id, input, output, runtime } = filled;
  if (JSON.stringify(filled).length > MOST_CHARACTERS) {
    throw wrong('', `A definition may have ${MOST_CHARACTERS} characters as JSON. Shorten it.`);
  }
  const last = id.split('/').at(-1) ?? '';
  if (RESERVED.includes(last)) throw wrong('id', `An id must not end with "${last}", which has a meaning of its own.`);
  assertSchema(input, 'input');
  assertSchema(output, 'output');
  assertRuntime(runtime, input);
  if (runtime.answer === 'json') assertWritable(output);
  assertExamples(filled);
  return filled;
}

function fillIn(value: unknown): unknown {
  if (!isObject(value)) return value;
  const filled: Record<string, unknown> = { requirements: {}, default_model: null, price_unit: 'job', ...value };
  // Null where a key cannot be left out, as some writers of JSON do.
  if (filled.output == null && isRuntime(filled.runtime)) filled.output = fixedOutput(filled.runtime);
  if (filled.output === undefined) delete filled.output;
  return filled;
}

function isRuntime(value: unknown): value is ServiceRuntime {
  return isObject(value) && typeof value.type === 'string';
}

function assertSchema(schema: JsonSchema, path: string): void {
  const fault = faultOfSchema(schema, path);
  if (fault !== undefined) throw wrong(fault.path, fault.sentence);
  if (schema.type !== 'object') throw wrong(`${path}.type`, `${path}.type must be "object".`);
}

function assertRuntime({ type, prompt, answer }: ServiceRuntime, input: JsonSchema): void {
  if (prompt !== undefined && type !== 'llm') {
    throw wrong('runtime.prompt', 'Only a runtime of type "llm" takes a prompt.');
  }
  const members = isObject(input.properties) ? Object.keys(input.properties) : [];
  const known = (name: string, place: string): void => {
    if (!members.includes(name)) throw wrong(place, `${place} names "${name}", which is no property of the input.`);
  };
  for (const part of ['system', 'user'] as const) {
    for (const name of placeholdersOf(prompt?.[part] ?? '')) known(name, `runtime.prompt.${part}`);
  }
  if (typeof answer === 'object') known(answer.choice, 'runtime.answer.choice');
  if (type === 'llm' && prompt === undefined && !members.includes('prompt') && !members.includes('messages')) {
    throw wrong('runtime.prompt', 'A runtime of type "llm" takes a prompt, or an input with prompt or messages.');
  }
  if (type === 'embed') for (const name of READ_BY[String(answer ?? 'vectors')] ?? []) known(name, 'runtime.answer');
  const isChoice = typeof answer === 'object' && type === 'llm';
  if (answer === undefined || isChoice || ANSWERS[type]?.includes(answer)) return;
  throw wrong('runtime.answer', `A runtime of type "${type}" has no such answer.`);
}

/** A model can only be held to what the grammar of its answer can say. */
function assertWritable(schema: JsonSchema): void {
  const write = answerGrammar({ format: { type: 'json_schema', schema } }, ANY_TOOL_FORMAT);
  try {
    if (write !== null) checkGrammar(write);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw wrong('output', `No model can be held to this output: ${error.message}`);
  }
}

function assertExamples({ input, output, examples }: ServiceDefinition): void {
  const [ofInput, ofOutput] = [compileSchema(input), compileSchema(output)];
  for (const [index, example] of examples.entries()) {
    const faults: [string, ValueFault | undefined][] = [
      ['input', ofInput(example.input)],
      ['output', example.output === undefined ? undefined : ofOutput(example.output)],
    ];
    for (const [part, fault] of faults) {
      if (fault === undefined) continue;
      const place = `examples.${index}.${part}`;
      throw wrong(fault.path === '' ? place : `${place}.${fault.path}`, `${place} does not fit: ${fault.sentence}`);
    }
  }
}

/** Whether this version has a way of handing such work to a node. */
export function isJobType(type: string): type is (typeof JOB_TYPES)[number] {
  return (JOB_TYPES as readonly string[]).includes(type);
}

function problemOf({ path, isMissing, sentence }: ValueFault): Problem {
  return new Problem(
    isMissing ? 'missing_required_parameter' : 'invalid_value',
    sentence,
    path === '' ? {} : { param: path },
  );
}

function wrong(path: string, sentence: string): Problem {
  return new Problem('invalid_value', sentence, path === '' ? {} : { param: path });
}
