import { type Static, Type } from 'typebox';
import { LIMITS } from '../protocol/limits.ts';
import { Maybe } from './nullable.ts';
import { RoutingRequest } from './routing.ts';

const Text = Type.String({ minLength: 1 });

/** Body of `POST /v1/rerank`, as Cohere's and Jina's clients send it. */
export const RerankRequest = Type.Object(
  {
    model: Type.String({ minLength: 1, maxLength: 256, description: 'A reranking model, or one for embeddings' }),
    query: Text,
    documents: Type.Array(Type.Union([Text, Type.Object({ text: Text }, { additionalProperties: true })]), {
      minItems: 1,
      maxItems: LIMITS.maxRerankDocuments,
    }),
    top_n: Maybe(Type.Integer({ minimum: 1 })),
    return_documents: Maybe(Type.Boolean()),
    routing: Maybe(RoutingRequest),
  },
  {
    additionalProperties: true,
    examples: [
      {
        model: 'sparewatt/demo-embed',
        query: 'Who has a spare GPU?',
        documents: ['A gaming PC idles at night.', 'Tea is ready.'],
        top_n: 1,
      },
    ],
  },
);
export type RerankRequest = Static<typeof RerankRequest>;

export const RerankResponse = Type.Object({
  id: Type.String(),
  model: Type.String(),
  results: Type.Array(
    Type.Object({
      index: Type.Integer({ minimum: 0, description: 'Place in `documents`, from 0' }),
      relevance_score: Type.Number({
        description: 'Best first: 0 to 1 of a reranking model, the cosine of the angle of one for embeddings',
      }),
      document: Type.Optional(Type.Object({ text: Type.String() })),
    }),
  ),
  usage: Type.Object({ prompt_tokens: Type.Integer(), total_tokens: Type.Integer() }),
});
export type RerankResponse = Static<typeof RerankResponse>;
