import { type Static, Type } from 'typebox';
import type { JsonSchema } from './json-schema.ts';

/** What services are for; the first word of no id, since ids are named by what runs. */
export const CATEGORIES = {
  'ai-ml': 'AI and machine learning',
  media: 'Media processing',
  scientific: 'Scientific computing',
  analytics: 'Data analytics',
  gaming: 'Gaming',
  development: 'Development tools',
} as const;
export type Category = keyof typeof CATEGORIES;
const CATEGORY_IDS = Object.keys(CATEGORIES) as Category[];

/** What one unit of work is, by which a service is priced. */
const PRICE_UNITS = [
  'token',
  'character',
  'audio_second',
  'video_second',
  'image',
  'page',
  'frame',
  'gpu_second',
  'cpu_second',
  'job',
] as const;

/** Words in lower case between slashes, at least two: `llm/inference`. */
const SERVICE_ID = '^[a-z0-9][a-z0-9-]{0,31}(/[a-z0-9][a-z0-9-]{0,47}){1,3}$';

const Text = (maxLength: number) => Type.String({ minLength: 1, maxLength });
const Bytes = Type.Integer({ minimum: 1, description: 'Bytes' });
const Schema = Type.Unsafe<JsonSchema>(Type.Object({}, { additionalProperties: true, description: 'A JSON Schema' }));

/** How the text of a language model becomes the output, or the vectors of an embedding model do. */
export const AnswerForm = Type.Union([
  Type.Literal('text', { description: '`{text, finish_reason}`, with `reasoning` of a model that thinks first' }),
  Type.Literal('json', { description: 'The model is held to the schema of the output' }),
  Type.Literal('vectors', { description: '`{embeddings, dimensions}` of the member `input`' }),
  Type.Literal('ranking', { description: 'The `documents` by their nearness to `query`' }),
  Type.Object(
    { choice: Text(64) },
    { additionalProperties: false, description: '`{choice}`: one of the texts in this member of the input' },
  ),
]);
export type AnswerForm = Static<typeof AnswerForm>;

/** Texts in which `{name}` stands for a member of the input. */
const PromptTemplate = Type.Object(
  { system: Type.Optional(Text(16_384)), user: Text(16_384) },
  { additionalProperties: false },
);
export type PromptTemplate = Static<typeof PromptTemplate>;

/** What runs it on a node: a type of job, or a runtime that nodes may have some day, by its name. */
export const ServiceRuntime = Type.Object(
  {
    type: Type.String({ pattern: '^[a-z][a-z0-9-]{0,31}$' }),
    prompt: Type.Optional(PromptTemplate),
    answer: Type.Optional(AnswerForm),
  },
  { additionalProperties: false },
);
export type ServiceRuntime = Static<typeof ServiceRuntime>;

/** What a node must have beside the runtime. */
const ServiceNeeds = Type.Object(
  {
    /** Names of models that do, of which `*` stands for any characters; any model of the type when absent. */
    models: Type.Optional(Type.Array(Text(256), { minItems: 1, maxItems: 32 })),
    tools: Type.Optional(Type.Array(Text(64), { minItems: 1, maxItems: 16, description: 'Programs of the machine' })),
    memory_bytes: Type.Optional(Bytes),
    gpu_memory_bytes: Type.Optional(Bytes),
    note: Type.Optional(Text(1_024)),
  },
  { additionalProperties: false },
);
export type ServiceNeeds = Static<typeof ServiceNeeds>;

const Example = Type.Object(
  { title: Type.Optional(Text(128)), input: Type.Unknown(), output: Type.Optional(Type.Unknown()) },
  { additionalProperties: false },
);

/** A service as data: all there is to say of it, whoever runs it. */
export const ServiceDefinition = Type.Object(
  {
    id: Type.String({ pattern: SERVICE_ID, maxLength: 128 }),
    category: Type.Enum(CATEGORY_IDS),
    title: Text(128),
    description: Text(2_048),
    input: Schema,
    output: Schema,
    runtime: ServiceRuntime,
    requirements: ServiceNeeds,
    default_model: Type.Union([Text(256), Type.Null()]),
    price_unit: Type.Enum([...PRICE_UNITS]),
    examples: Type.Array(Example, { minItems: 1, maxItems: 16 }),
    /** Said by an operator who means to put it in the place of one that came with the relay. */
    overrides: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type ServiceDefinition = Static<typeof ServiceDefinition>;
