import { type TProperties, type TSchema, Type } from 'typebox';
import { LIMITS } from '../../protocol/limits.ts';
import { fixedOutput, plain } from '../answers.ts';
import { isObject, type JsonSchema } from '../json-schema.ts';
import type { ServiceDefinition } from '../service.ts';

/** What the entries of the catalogue leave out, because it follows from the rest. */
type Entry = Omit<ServiceDefinition, 'category' | 'input' | 'output' | 'requirements' | 'default_model'> & {
  input: TProperties;
  /** Of the input: alternatives of which one must be there. */
  oneOf?: readonly string[];
  output?: TProperties;
  requirements?: ServiceDefinition['requirements'];
  default_model?: string;
};

/** Makes the services of one category out of what is particular to each. */
export function defineServices(
  category: ServiceDefinition['category'],
  entries: readonly Entry[],
): ServiceDefinition[] {
  return entries.map(({ input, oneOf, output, requirements = {}, default_model = null, ...rest }) => {
    const alternatives = oneOf === undefined ? {} : { anyOf: oneOf.map((name) => ({ required: [name] })) };
    const made = output === undefined ? fixedOutput(rest.runtime) : outputOf(output, rest.runtime.answer === 'json');
    if (made === undefined) throw new TypeError(`${rest.id} says nothing of its output`);
    return {
      ...rest,
      category,
      input: plain(Type.Object(input, { additionalProperties: false, ...alternatives })),
      output: made,
      requirements,
      default_model,
    };
  });
}

/** What a model writes under a grammar has the members that were asked for and no other. */
function outputOf(members: TProperties, isWritten: boolean): JsonSchema {
  const schema = plain(Type.Object(members));
  return isWritten ? (closed(schema) as JsonSchema) : schema;
}

function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (!isObject(schema)) return schema;
  const parts = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  return schema.type === 'object' ? { ...parts, additionalProperties: false } : parts;
}

export const Text = (description: string, maxLength = 200_000) => Type.String({ minLength: 1, maxLength, description });

/** A choice whose first is taken where none is made. */
export const OneOf = <const Names extends readonly [string, ...string[]]>(names: Names, description: string) =>
  Type.Optional(Type.Enum([...names], { default: names[0], description }));

export const Optional = <Schema extends TSchema>(schema: Schema) => Type.Optional(schema);

export const Whole = (minimum: number, maximum: number, description: string) =>
  Type.Integer({ minimum, maximum, description });

/** Which model; one of those that fit, when absent. */
const MODEL = {
  model: Optional(Type.String({ minLength: 1, maxLength: 256, description: 'Model; any that fits when absent' })),
};

/** Members that every service on a language model takes beside its own. */
export const SAMPLING = {
  ...MODEL,
  max_tokens: Optional(Whole(1, 1_000_000, 'Longest answer in tokens')),
  temperature: Optional(Type.Number({ minimum: 0, maximum: 2 })),
  seed: Optional(Type.Integer()),
};

/** A file that was uploaded to `/v1/files`. */
const fileId = (size: string) =>
  Type.String({ minLength: 1, maxLength: 64, description: `Id of a file of POST /v1/files, ${size}` });

/** A file for a program, which opens no connections: its bytes in base64, or an uploaded file. */
export const toolFileMembers = (name: string, description: string) => ({
  [name]: Optional(Type.String({ minLength: 4, contentEncoding: 'base64', description: `${description}, in base64` })),
  file_id: Optional(fileId('as large as the relay takes it')),
});

/** A file that a job has made, as its output names it. */
export const MADE_FILE = Type.Object({
  file_id: Type.String({ description: 'Its content is at GET /v1/files/{id}/content' }),
  sha256: Type.String({ description: 'SHA-256, hex' }),
  bytes: Type.Integer({ minimum: 0 }),
});

/** A file of the input: its bytes in base64, an uploaded file, or where a node fetches it. */
export const fileMembers = (name: string, description: string) => ({
  [name]: Optional(Type.String({ minLength: 4, contentEncoding: 'base64', description: `${description}, in base64` })),
  file_id: Optional(fileId(`of up to ${LIMITS.maxRecordingBytes} bytes`)),
  url: Optional(
    Type.String({ format: 'uri', maxLength: 2_048, description: `${description}, where a node fetches it` }),
  ),
});

export { MODEL };

/** Preferred where the pool serves them; the node loads each by its name on the hub. */
export const MODELS = {
  chat: 'HuggingFaceTB/SmolLM2-135M-Instruct',
  embed: 'Xenova/all-MiniLM-L6-v2',
  whisper: 'onnx-community/whisper-base',
  speech: 'onnx-community/Kokoro-82M-v1.0-ONNX',
  ocr: 'Xenova/trocr-small-printed',
  image: 'stabilityai/sd-turbo',
  painter: 'onnx-community/Janus-Pro-1B-ONNX',
} as const;
