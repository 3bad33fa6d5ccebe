import type { ShownPictures } from '../chat/shown-pictures.ts';
import { bitsOf } from '../decoding/kv-cache.ts';
import type { Session, SessionInput, SessionTensor } from '../session.ts';

/**
 * A language model that is fed embeddings, as a graph that is fed tokens: `table` has those of words, `shown` those of
 * pictures, whose tokens have numbers below zero.
 */
export function createEmbeddingSession(model: Session, table: Session, shown: ShownPictures): Session {
  async function embed(ids: SessionTensor): Promise<SessionTensor> {
    const tokens = ids.data as BigInt64Array;
    const words = tokens.map((id) => (id < 0n ? 0n : id));
    const { inputs_embeds: embedded } = await table.run({ input_ids: table.tensor('int64', words, ids.dims) });
    if (embedded === undefined) throw new Error('The model gives no embeddings, so it cannot answer.');
    if (tokens.every((id) => id >= 0n)) return embedded;
    const values = bitsOf(embedded).slice();
    const width = embedded.dims.at(-1) ?? 0;
    for (const [at, id] of tokens.entries()) {
      if (id < 0n) values.set(await shown.embeddingOf(Number(id)), at * width);
    }
    return model.tensor(embedded.type, values, embedded.dims);
  }

  return {
    ...model,
    inputs: model.inputs.map(tokensFor),
    async run({ input_ids: ids, ...feeds }) {
      if (ids === undefined) throw new Error('A pass without tokens.');
      return await model.run({ ...feeds, inputs_embeds: await embed(ids) });
    },
  };
}

function tokensFor(input: SessionInput): SessionInput {
  return input.name === 'inputs_embeds' ? { name: 'input_ids', type: 'int64', shape: input.shape.slice(0, 2) } : input;
}
