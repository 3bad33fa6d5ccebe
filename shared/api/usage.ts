import { type Static, Type } from 'typebox';
import { Nullable } from './nullable.ts';

const Day = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', description: 'A day in UTC, such as 2026-11-21' });

/** Query of `GET /v1/usage` and `GET /v1/admin/usage`. */
export const UsageQuery = Type.Object(
  {
    from: Type.Optional(Type.String({ description: 'First day in UTC, such as 2026-11-01; 30 days ago by default' })),
    to: Type.Optional(Type.String({ description: 'Last day in UTC; today by default' })),
    by: Type.Optional(
      Type.String({
        description:
          'What to tell apart: day, hour, key, model, node; comma between; day by default. Hours are kept for three days',
      }),
    ),
    key: Type.Optional(Type.String({ maxLength: 64, description: 'Id of a key, for the operator' })),
    format: Type.Optional(Type.String({ description: 'json or csv' })),
  },
  { additionalProperties: false },
);
export type UsageQuery = Static<typeof UsageQuery>;

/** A sum; what it is not told apart by is null. */
export const UsageRow = Type.Object({
  day: Nullable(Day),
  hour: Nullable(Type.String({ description: 'When an hour began in UTC, such as 2026-11-21T14:00Z' })),
  key: Nullable(Type.String()),
  model: Nullable(Type.String()),
  node: Nullable(Type.String({ description: 'Empty for jobs that reached no node' })),
  jobs: Type.Integer(),
  failed: Type.Integer({ description: 'Those of them that did not succeed' }),
  input_tokens: Type.Integer(),
  output_tokens: Type.Integer(),
});
export type UsageRow = Static<typeof UsageRow>;

export const UsageReport = Type.Object({ data: Type.Array(UsageRow), next: Type.Null() });
export type UsageReport = Static<typeof UsageReport>;
