import { hash } from 'node:crypto';
import type { ChatCompletionRequest } from '../../../shared/api/chat.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { AnswerFormat, ChatInput, ToolChoice, ToolDeclaration } from '../../../shared/protocol/messages.ts';
import { type AnswerWishes, answerGrammar } from '../../../shared/runtimes/constraints/answer-grammar.ts';
import { checkGrammar } from '../../../shared/runtimes/constraints/constraint.ts';
import { ANY_TOOL_FORMAT } from '../../../shared/runtimes/constraints/tool-formats.ts';
import { createRecentMap } from '../../recent-map.ts';

type Body = ChatCompletionRequest;

/**
 * What a request says of the form of its answer. Everything that a node would refuse whatever its model is refused here,
 * so that no node is bothered: the grammar is compiled once, without a tokenizer. `ignored` are parts of the parameters
 * of tools that are not strict.
 */
export function readFormatWishes(body: Body): { input: AnswerWishes; ignored: string[] } {
  if (WISHES.every((param) => body[param] == null)) return { input: {}, ignored: [] };
  const input: AnswerWishes = { ...readTools(body) };
  const format = readFormat(body);
  if (format !== null) input.format = format;
  const isHeld = format !== null || (input.toolChoice !== undefined && input.toolChoice !== 'none');
  if (isHeld && (body.stop ?? []).length > 0) {
    throw new Problem('invalid_value', 'A stop sequence could cut the answer where it is not valid. Leave stop out.', {
      param: 'stop',
    });
  }
  return { input, ignored: checkOnce(input) };
}

/** Agents send the same tools with every turn; to follow them takes up to a third of a second. By digest, so that none is large. */
const checked = createRecentMap<readonly string[]>(1_024);
/** Characters of what is left out of one request; more is worked out anew. */
const MOST_REMEMBERED = 4_096;

/** What of the tools is left out. What is refused is looked at again each time, so that its place is told anew. */
function checkOnce(input: AnswerWishes): string[] {
  const text = assertSmall(input);
  const digest = hash('sha256', text, 'base64');
  const known = checked.get(digest);
  if (known !== undefined) return [...known];
  const ignored: string[] = [];
  const write = answerGrammar(input, ANY_TOOL_FORMAT, (param) => ignored.push(param));
  if (write !== null) checkGrammar(write);
  if (ignored.join().length <= MOST_REMEMBERED) checked.set(digest, ignored);
  return [...ignored];
}

const WISHES = ['tools', 'tool_choice', 'response_format', 'structured_outputs'] as const;

/** Schemas are nested at most 64 levels deep, each at most three in JSON; deeper ones would overflow stacks. */
const DEEPEST_JSON = 200;

/** Returns them as JSON. */
function assertSmall(input: AnswerWishes): string {
  assertShallow(input, 0);
  const text = JSON.stringify(input);
  const size = text.length;
  if (size <= LIMITS.maxSchemaBytes) return text;
  throw new Problem(
    'invalid_value',
    `Schemas, choices and tools have ${size} characters and may have ${LIMITS.maxSchemaBytes} together. Shorten them.`,
    { param: input.format === undefined ? 'tools' : 'response_format' },
  );
}

function assertShallow(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > DEEPEST_JSON) {
    throw new Problem('invalid_value', `A schema is nested more than ${DEEPEST_JSON} levels deep.`, {
      param: 'response_format',
    });
  }
  for (const part of Object.values(value)) assertShallow(part, depth + 1);
}

function readFormat(body: Body): AnswerFormat | null {
  const structured = readStructured(body);
  const format = body.response_format;
  if (format == null || format.type === 'text') return structured;
  if (structured !== null) {
    throw new Problem('invalid_value', 'response_format and structured_outputs exclude each other. Leave one out.', {
      param: 'structured_outputs',
    });
  }
  if (format.type === 'json_object') return readObjectFormat(format.schema);
  if (format.type !== 'json_schema') {
    throw new Problem('unsupported_parameter', 'The type of response_format is text, json_object or json_schema.', {
      param: 'response_format.type',
    });
  }
  const schema = format.json_schema?.schema;
  if (schema != null) return { type: 'json_schema', schema };
  const param = 'response_format.json_schema.schema';
  throw new Problem('missing_required_parameter', `Missing required parameter: '${param}'.`, { param });
}

/** With a schema beside it as llama.cpp and others take it: an object, and one that is valid under the schema. */
function readObjectFormat(schema: unknown): AnswerFormat {
  return schema == null ? { type: 'json_object' } : { type: 'json_schema', schema };
}

function readStructured(body: Body): AnswerFormat | null {
  const wanted = Object.entries(body.structured_outputs ?? {}).filter(([, value]) => value != null);
  if (wanted.length === 0) return null;
  const { choice, json, regex } = body.structured_outputs ?? {};
  if (wanted.length === 1 && choice != null) return { type: 'choice', choices: choice };
  if (wanted.length === 1 && json != null) return { type: 'json_schema', schema: json };
  if (wanted.length === 1 && regex != null) return { type: 'regex', pattern: regex };
  throw new Problem('unsupported_parameter', 'structured_outputs takes one of choice, json and regex.', {
    param: 'structured_outputs',
  });
}

function readTools(body: Body): Pick<ChatInput, 'tools' | 'toolChoice' | 'parallelToolCalls'> {
  const tools = (body.tools ?? []).map(readTool);
  const names = new Set(tools.map(({ name }) => name));
  if (names.size < tools.length) {
    throw new Problem('invalid_value', 'Two tools have the same name.', { param: 'tools' });
  }
  const choice = body.tool_choice ?? 'auto';
  if (tools.length === 0) {
    if (choice === 'auto' || choice === 'none') return {};
    throw new Problem('invalid_value', 'tool_choice asks for a tool and there are no tools.', { param: 'tool_choice' });
  }
  const { offered, toolChoice } = readToolChoice(choice, tools);
  return {
    tools: offered,
    ...(toolChoice === 'auto' ? {} : { toolChoice }),
    ...(body.parallel_tool_calls === false ? { parallelToolCalls: false } : {}),
  };
}

function readTool(tool: NonNullable<Body['tools']>[number], at: number): ToolDeclaration {
  if (tool.type !== 'function') {
    const sentence = `Tools of the type "${tool.type.slice(0, 40)}" are not supported. Leave it out, or send a function of your own.`;
    throw new Problem('unsupported_parameter', sentence, { param: `tools.${at}.type` });
  }
  if (tool.function === undefined) {
    const param = `tools.${at}.function`;
    throw new Problem('missing_required_parameter', `Missing required parameter: '${param}'.`, { param });
  }
  const { name, description, parameters, strict } = tool.function;
  if (!/^[A-Za-z0-9_.-]{1,64}$/.test(name)) {
    throw new Problem('invalid_value', 'The name of a function has 1 to 64 letters, digits, "_", "-" and ".".', {
      param: `tools.${at}.function.name`,
    });
  }
  return {
    name,
    ...(description == null ? {} : { description }),
    ...(parameters == null ? {} : { parameters }),
    ...(strict === true ? { strict } : {}),
  };
}

type NamedChoice = { type?: unknown; function?: { name?: unknown }; allowed_tools?: AllowedTools };
type AllowedTools = { mode?: unknown; tools?: { function?: { name?: unknown } }[] };

function readToolChoice(
  choice: unknown,
  tools: ToolDeclaration[],
): { offered: ToolDeclaration[]; toolChoice: ToolChoice } {
  if (choice === 'auto' || choice === 'none' || choice === 'required') return { offered: tools, toolChoice: choice };
  const { type, function: named, allowed_tools: allowed } = (choice ?? {}) as NamedChoice;
  if (type === 'function' && typeof named?.name === 'string') {
    assertOffered(tools, named.name);
    return { offered: tools, toolChoice: { name: named.name } };
  }
  if (type === 'allowed_tools' && Array.isArray(allowed?.tools) && isMode(allowed.mode)) {
    const names = allowed.tools.map((tool) => String(tool?.function?.name));
    for (const name of names) assertOffered(tools, name);
    return { offered: tools.filter(({ name }) => names.includes(name)), toolChoice: allowed.mode };
  }
  throw new Problem('invalid_value', 'tool_choice is none, auto, required, or an object that names a function.', {
    param: 'tool_choice',
  });
}

const isMode = (mode: unknown): mode is 'auto' | 'required' => mode === 'auto' || mode === 'required';

function assertOffered(tools: readonly ToolDeclaration[], wanted: string): void {
  if (tools.some(({ name }) => name === wanted)) return;
  throw new Problem('invalid_value', `tool_choice names ${wanted.slice(0, 64)}, which is none of the tools.`, {
    param: 'tool_choice',
  });
}
