import { type Static, Type } from 'typebox';
import { LIMITS } from '../protocol/limits.ts';
import { Maybe } from './nullable.ts';
import { RoutingRequest } from './routing.ts';

const Token = Type.Integer({ minimum: 0 });
const Text = Type.String({ minLength: 1 });

/** Body of `POST /v1/embeddings`. */
export const EmbeddingsRequest = Type.Object(
  {
    model: Type.String({ minLength: 1, maxLength: 256 }),
    input: Type.Union([
      Text,
      Type.Array(Text, { minItems: 1, maxItems: LIMITS.maxEmbeddingInputs }),
      Type.Array(Token, { minItems: 1 }),
      Type.Array(Type.Array(Token, { minItems: 1 }), { minItems: 1, maxItems: LIMITS.maxEmbeddingInputs }),
    ]),
    encoding_format: Maybe(Type.Union([Type.Literal('float'), Type.Literal('base64')])),
    dimensions: Maybe(Type.Integer({ minimum: 1 })),
    routing: Maybe(RoutingRequest),
  },
  {
    additionalProperties: true,
    examples: [
      { model: 'sparewatt/demo-embed', input: ['a spare GPU', 'an idle graphics card'], encoding_format: 'float' },
    ],
  },
);
export type EmbeddingsRequest = Static<typeof EmbeddingsRequest>;

export const EmbeddingsResponse = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(
    Type.Object({
      object: Type.Literal('embedding'),
      index: Type.Integer(),
      embedding: Type.Union([
        Type.Array(Type.Number()),
        Type.String({ description: 'float32, little-endian, base64' }),
      ]),
    }),
  ),
  model: Type.String(),
  usage: Type.Object({ prompt_tokens: Type.Integer(), total_tokens: Type.Integer() }),
});
export type EmbeddingsResponse = Static<typeof EmbeddingsResponse>;
