import { type Static, Type } from 'typebox';
import { Nullable } from './nullable.ts';

/** A model as Anthropic's clients know it. */
export const ModelInfo = Type.Object({
  type: Type.Literal('model'),
  id: Type.String(),
  display_name: Type.String(),
  created_at: Type.String({ description: 'When this relay first saw the model (RFC 3339)' }),
  max_input_tokens: Type.Integer({ description: 'Tokens of prompt and answer together' }),
  max_tokens: Type.Integer({ description: 'The same' }),
  capabilities: Type.Null({ description: 'Nobody has told which of Anthropic’s features a model has' }),
});
export type ModelInfo = Static<typeof ModelInfo>;

/** All of them: there is no next page. */
export const ModelInfoList = Type.Object({
  data: Type.Array(ModelInfo),
  has_more: Type.Literal(false),
  first_id: Nullable(Type.String()),
  last_id: Nullable(Type.String()),
});
export type ModelInfoList = Static<typeof ModelInfoList>;
