import { type Static, Type } from 'typebox';
import { Webhook } from './jobs.ts';
import { Maybe, Nullable } from './nullable.ts';

export const BATCH_ENDPOINTS = ['/v1/chat/completions', '/v1/embeddings', '/v1/completions', '/v1/responses'] as const;
export type BatchEndpoint = (typeof BATCH_ENDPOINTS)[number];

/** The bounds are OpenAI's. */
const OutputExpiry = Type.Object(
  {
    anchor: Type.Literal('created_at'),
    seconds: Type.Integer({ minimum: 3_600, maximum: 2_592_000 }),
  },
  { description: 'How long the files of the batch are kept, from when they are written' },
);
const Metadata = Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 512 }), { maxProperties: 16 });

export const BatchRequest = Type.Object(
  {
    input_file_id: Type.String({ maxLength: 64, description: 'A file of purpose `batch`: a request on each line' }),
    endpoint: Type.Enum([...BATCH_ENDPOINTS], { description: 'Where every line would be sent' }),
    completion_window: Type.Literal('24h'),
    metadata: Maybe(Metadata),
    output_expires_after: Maybe(OutputExpiry),
    webhook: Maybe(Webhook),
  },
  {
    examples: [{ input_file_id: 'file_0192mz0sqk…', endpoint: '/v1/chat/completions', completion_window: '24h' }],
  },
);
export type BatchRequest = Static<typeof BatchRequest>;

const BATCH_STATES = [
  'validating',
  'in_progress',
  'finalizing',
  'cancelling',
  'completed',
  'failed',
  'cancelled',
  'expired',
] as const;
export type BatchState = (typeof BATCH_STATES)[number];

const Moment = Nullable(Type.Integer({ minimum: 0, description: 'Seconds since 1970' }));
const BatchFault = Type.Object({
  code: Type.String(),
  message: Type.String(),
  param: Nullable(Type.String()),
  line: Nullable(Type.Integer({ minimum: 1 })),
});
export type BatchFault = Static<typeof BatchFault>;

const Tokens = Type.Integer({ minimum: 0 });
/** What its jobs have used, once it has ended. */
const Usage = Type.Object({
  input_tokens: Tokens,
  input_tokens_details: Type.Object({ cached_tokens: Tokens }),
  output_tokens: Tokens,
  output_tokens_details: Type.Object({ reasoning_tokens: Tokens }),
  total_tokens: Tokens,
});

/** Many requests that are answered within a day, as OpenAI's clients know them. */
export const Batch = Type.Object({
  id: Type.String(),
  object: Type.Literal('batch'),
  endpoint: Type.Enum([...BATCH_ENDPOINTS]),
  errors: Nullable(Type.Object({ object: Type.Literal('list'), data: Type.Array(BatchFault) })),
  input_file_id: Type.String(),
  completion_window: Type.Literal('24h'),
  status: Type.Enum([...BATCH_STATES]),
  output_file_id: Nullable(Type.String({ description: 'The answers, one on a line' })),
  error_file_id: Nullable(Type.String({ description: 'What was not answered, and why, one on a line' })),
  created_at: Type.Integer({ minimum: 0 }),
  in_progress_at: Moment,
  expires_at: Moment,
  finalizing_at: Moment,
  completed_at: Moment,
  failed_at: Moment,
  expired_at: Moment,
  cancelling_at: Moment,
  cancelled_at: Moment,
  request_counts: Type.Object({
    total: Type.Integer({ minimum: 0 }),
    completed: Type.Integer({ minimum: 0 }),
    failed: Type.Integer({ minimum: 0 }),
  }),
  metadata: Nullable(Metadata),
  model: Nullable(
    Type.String({ description: 'That of every line; null before they are read, and where they are for several' }),
  ),
  usage: Nullable(Usage),
});
export type Batch = Static<typeof Batch>;

export const BatchPage = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(Batch),
  first_id: Nullable(Type.String()),
  last_id: Nullable(Type.String()),
  has_more: Type.Boolean(),
});
export type BatchPage = Static<typeof BatchPage>;

/** `GET /v1/admin/batches`: those of every key. */
export const OwnedBatchPage = Type.Object({
  data: Type.Array(Type.Object({ ...Batch.properties, api_key_id: Type.String() })),
  next: Nullable(Type.String({ description: 'What to pass as `after` for the batches before these' })),
});
export type OwnedBatchPage = Static<typeof OwnedBatchPage>;

export const BatchPageQuery = Type.Object(
  {
    after: Type.Optional(Type.String({ maxLength: 64 })),
    limit: Type.Optional(Type.String({ pattern: '^[0-9]{1,3}$', description: '1 to 100, 20 when absent' })),
  },
  { additionalProperties: false },
);
export type BatchPageQuery = Static<typeof BatchPageQuery>;
