import { type Static, Type } from 'typebox';
import { CATEGORIES, type Category, ServiceDefinition } from '../registry/service.ts';
import { CompletionUsage } from './chat.ts';
import { Nullable } from './nullable.ts';

const Schema = Type.Object({}, { additionalProperties: true, description: 'A JSON Schema' });

/** What could run a service at this moment. */
export const ServiceAvailability = Type.Object({
  runnable: Type.Boolean({ description: 'Whether this version can hand such work to a node at all' }),
  nodes: Type.Integer({ minimum: 0, description: 'Live nodes that have all it needs and are open to jobs' }),
  free: Type.Integer({ minimum: 0, description: 'Those of them with a free slot' }),
  missing: Type.Array(Type.String(), { description: 'What no live node has; empty where a node could run it' }),
});
export type ServiceAvailability = Static<typeof ServiceAvailability>;

const Origin = Type.Enum(['built_in', 'file', 'api'], { description: 'Who defined it' });

const OVERRIDES = Type.Boolean({ description: 'Whether it stands in the place of one that came with the relay' });

/** A service as lists show it. */
export const ServiceSummary = Type.Object({
  id: Type.String(),
  category: Type.String(),
  title: Type.String(),
  description: Type.String(),
  runtime: Type.String({ description: 'Name of what runs it on a node' }),
  default_model: Nullable(Type.String()),
  price_unit: Type.String(),
  origin: Origin,
  overrides: OVERRIDES,
  updated_at: Nullable(Type.Integer({ description: 'Milliseconds since 1970' })),
  available: ServiceAvailability,
});
export type ServiceSummary = Static<typeof ServiceSummary>;

export const ServicePage = Type.Object({
  data: Type.Array(ServiceSummary),
  next: Nullable(Type.String({ description: 'Pass as `after` for the next page; null on the last' })),
});
export type ServicePage = Static<typeof ServicePage>;

export const ServicePageQuery = Type.Object(
  {
    category: Type.Optional(Type.Enum(Object.keys(CATEGORIES) as Category[])),
    q: Type.Optional(Type.String({ maxLength: 128, description: 'Words that id, title or description hold' })),
    after: Type.Optional(Type.String({ maxLength: 128 })),
    limit: Type.Optional(Type.String({ pattern: '^\\d{1,4}$', description: '1 to 1000, 100 when absent' })),
  },
  { additionalProperties: false },
);
export type ServicePageQuery = Static<typeof ServicePageQuery>;

/** A service with everything there is to say of it. */
export const ServiceDetails = Type.Object({
  ...ServiceDefinition.properties,
  overrides: OVERRIDES,
  origin: Origin,
  updated_at: Nullable(Type.Integer({ description: 'Milliseconds since 1970' })),
  available: ServiceAvailability,
});
export type ServiceDetails = Static<typeof ServiceDetails>;

/** A service of an operator: with the file that holds it, which nobody else is told. */
export const OwnService = Type.Object({ ...ServiceSummary.properties, file: Nullable(Type.String()) });
export type OwnService = Static<typeof OwnService>;
export const OwnServices = Type.Object({ data: Type.Array(OwnService), next: Type.Null() });
export type OwnServices = Static<typeof OwnServices>;

export const ServiceSchemas = Type.Object({ id: Type.String(), input: Schema, output: Schema });

export const ServiceRequirements = Type.Object({
  id: Type.String(),
  capability: Type.String({ description: 'The flag that a node has in its capability document' }),
  ...ServiceDefinition.properties.requirements.properties,
  available: ServiceAvailability,
});
export type ServiceRequirements = Static<typeof ServiceRequirements>;

/** Body of `PUT /v1/admin/services/{id}`: a definition. What may be left out is filled in; the id is that of the address. */
export const ServicePutRequest = Type.Object(
  {},
  {
    additionalProperties: true,
    examples: [
      {
        category: 'development',
        title: 'Haiku about code',
        description: 'Says in a haiku what a piece of code does.',
        input: { type: 'object', required: ['code'], properties: { code: { type: 'string' } } },
        runtime: { type: 'llm', prompt: { user: 'Write a haiku about this code.\n\n{code}' } },
        price_unit: 'token',
        examples: [{ input: { code: 'n => n * 2' } }],
      },
    ],
  },
);

/** Body of `POST /v1/services/{id}`: the input that the schema of the service describes. */
export const ServiceRequest = Type.Object(
  {},
  {
    additionalProperties: true,
    description: 'The input of the service, as GET /v1/registry/services/{id}/schema describes it, and `routing`.',
    examples: [{ prompt: 'What is 17 + 25?', max_tokens: 16 }],
  },
);

export const ServiceAnswer = Type.Object({
  status: Type.Literal('ok'),
  service: Type.String(),
  job_id: Type.String(),
  node_id: Type.String(),
  model: Type.String(),
  output: Type.Record(Type.String(), Type.Unknown()),
  usage: Type.Optional(CompletionUsage),
  receipt: Type.Object({ id: Type.String(), url: Type.String({ description: 'Where it can be fetched' }) }),
  latency_ms: Type.Integer({ minimum: 0 }),
});
export type ServiceAnswer = Static<typeof ServiceAnswer>;
