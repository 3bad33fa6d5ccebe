import { type Static, Type } from 'typebox';

/** A model as OpenAI's clients know it, with what Sparewatt adds. */
export const Model = Type.Object({
  id: Type.String(),
  object: Type.Literal('model'),
  created: Type.Integer({ description: 'Unix seconds at which this relay first saw the model' }),
  owned_by: Type.String(),
  status: Type.Union([Type.Literal('warm'), Type.Literal('installed'), Type.Literal('unavailable')]),
  /** How many nodes can serve it now. */
  nodes: Type.Integer(),
  capabilities: Type.Array(Type.String()),
  context_length: Type.Integer({ description: 'Tokens of prompt and answer together' }),
});
export type Model = Static<typeof Model>;

export const ModelList = Type.Object({ object: Type.Literal('list'), data: Type.Array(Model) });
export type ModelList = Static<typeof ModelList>;
