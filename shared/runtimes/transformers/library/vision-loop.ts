/** A part of the seam to transformers.js (see `environment.ts`): our own decode loop for models that read pictures. */
import { type PreTrainedModel, Tensor } from '@huggingface/transformers';
import { createShownPictures, type Seen } from '../chat/shown-pictures.ts';
import type { DecodeLoop } from '../decoding/decode-loop.ts';
import type { PlaceOf } from '../decoding/decoder.ts';
import { bitsOf } from '../decoding/kv-cache.ts';
import { createEmbeddingSession } from '../embedding/embedding-session.ts';
import type { JsonObject } from '../model-files.ts';
import type { LoadOptions } from './environment.ts';
import { openLoop } from './loop.ts';
import { openPart } from './session.ts';

/** `null` for a model that the inference library has to decode itself. */
export function openVisionLoop(model: PreTrainedModel, load: LoadOptions): DecodeLoop | null {
  const [text, table] = [openPart(model, 'decoder_model_merged'), openPart(model, 'embed_tokens')];
  const mark = imageTokenOf(model.config);
  if (load.decoding === 'library' || text === null || table === null || mark === null) return null;
  const shown = createShownPictures();
  const session = createEmbeddingSession(text, table, shown);
  const loop = openLoop({ session, modelType: String(model.config.model_type), load });
  if (loop === null) return null;
  const type = text.inputs.find(({ name }) => name === 'inputs_embeds')?.type ?? 'float32';
  return {
    ...loop,
    async generate(promptIds, { shown: pictures, ...asked }) {
      if (pictures === undefined) return await loop.generate(promptIds, asked);
      const { feeds } = pictures;
      const see = () => lookAt(model, feeds, type);
      const prompt = shown.open({ ids: promptIds, mark, pictures: pictures.pictures, see });
      try {
        return await loop.generate(prompt.ids, { ...asked, placeOf: placesOf(model, promptIds, feeds) });
      } finally {
        prompt.close();
      }
    },
  };
}

/** The token that every part of a picture is in a prompt. */
export function imageTokenOf(config: object): number | null {
  const id: unknown = Reflect.get(config, 'image_token_index') ?? Reflect.get(config, 'image_token_id');
  return typeof id === 'number' ? id : null;
}

async function lookAt(model: PreTrainedModel, feeds: JsonObject, type: string): Promise<Seen> {
  const features: unknown = await model.encode_image(feeds);
  if (!(features instanceof Tensor)) throw new Error('The model gives no features of a picture.');
  // The library's own types name fewer kinds of numbers than it converts.
  const { data } = features.to(type as 'float32');
  return { values: bitsOf({ type, data }), width: features.dims.at(-1) ?? 0 };
}

type PlacesInThree = (ids: Tensor, grid: unknown, film: null, mask: null) => [places: Tensor, more: Tensor];

/** Where tokens stand that count places in three dimensions; `null` where they stand one after another. */
function placesOf(
  model: PreTrainedModel,
  ids: readonly number[],
  { image_grid_thw: grid }: JsonObject,
): PlaceOf | null {
  const read: unknown = Reflect.get(model, 'get_rope_index');
  if (typeof read !== 'function' || grid === undefined) return null;
  const prompt = new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]);
  const [found] = (read as PlacesInThree).call(model, prompt, grid, null, null);
  const places = Array.from(found.data as ArrayLike<bigint | number>, Number);
  const dimensions = places.length / ids.length;
  // Who answers goes on after the highest place, not after the last token.
  const gained = places.reduce((most, place) => Math.max(most, place), 0) + 1 - ids.length;
  return (token) =>
    Array.from({ length: dimensions }, (_, at) =>
      token < ids.length ? (places[at * ids.length + token] ?? 0) : token + gained,
    );
}
