import { Type } from 'typebox';
import type { JsonSchema } from './json-schema.ts';
import type { ServiceRuntime } from './service.ts';

const FINISH_REASON = 'stop, or length when the answer was cut';

/** The outputs that the relay itself makes of what a model says. */
const TEXT_OUTPUT = Type.Object({
  text: Type.String(),
  reasoning: Type.Optional(Type.String({ description: 'What a model that thinks first thought' })),
  finish_reason: Type.String({ description: FINISH_REASON }),
});
const CHOICE_OUTPUT = Type.Object({ choice: Type.String() });
const VECTORS_OUTPUT = Type.Object({
  embeddings: Type.Array(Type.Array(Type.Number())),
  dimensions: Type.Integer({ minimum: 0 }),
});
const RANKING_OUTPUT = Type.Object({
  results: Type.Array(
    Type.Object({
      index: Type.Integer({ minimum: 0, description: 'Place in `documents`, from 0' }),
      score: Type.Number({ description: 'Cosine of the angle between the two, -1 to 1' }),
    }),
    { description: 'Nearest first' },
  ),
});

/** The output of a runtime whose form is not its author's to choose; undefined where it is. */
export function fixedOutput({ type, answer }: ServiceRuntime): JsonSchema | undefined {
  if (type === 'embed') return plain(answer === 'ranking' ? RANKING_OUTPUT : VECTORS_OUTPUT);
  if (type !== 'llm' || answer === 'json') return undefined;
  return plain(typeof answer === 'object' ? CHOICE_OUTPUT : TEXT_OUTPUT);
}

/** A schema without what TypeBox adds for itself. */
export function plain(schema: object): JsonSchema {
  return JSON.parse(JSON.stringify(schema)) as JsonSchema;
}
