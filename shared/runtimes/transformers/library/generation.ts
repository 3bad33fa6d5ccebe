/**
 * Answers made by the library itself, one at a time, for models that our own loop cannot feed: those of several graphs,
 * and those whose files ask for processors that only the library has.
 */
import {
  BaseStreamer,
  DynamicCache,
  LogitsProcessor,
  LogitsProcessorList,
  type PreTrainedModel,
  StoppingCriteria,
  Tensor,
  type TextStreamer,
} from '@huggingface/transformers';
import type { RowOptions, TokenChooser } from '../decoding/decode-request.ts';
import type { JsonObject } from '../model-files.ts';

/** As in our own loop: a cancel waits for one piece at most. */
const PROMPT_PIECE_TOKENS = 128;
/** What a model's `generation_config.json` may ask for beyond sampling and penalties. */
const OWN_PROCESSORS = [
  'no_repeat_ngram_size',
  'bad_words_ids',
  'min_length',
  'min_new_tokens',
  'forced_bos_token_id',
  'forced_eos_token_id',
  'suppress_tokens',
  'begin_suppress_tokens',
];

/** Whether the model's files ask for something that only the library's `generate` does. */
export function wantsLibrary(generationDefaults: JsonObject): boolean {
  return OWN_PROCESSORS.some((name) => Boolean(generationDefaults[name]));
}

/**
 * One answer; resolves when it has ended. `feeds` is what a model takes beside tokens, such as pictures; it reads its
 * prompt at once then, and makes a cache of its own, since some would take one that is given for that of earlier turns.
 */
export async function generateInLibrary(
  model: PreTrainedModel,
  promptIds: readonly number[],
  options: RowOptions,
  feeds: JsonObject | null,
): Promise<void> {
  const cache = feeds === null ? new DynamicCache() : null;
  const piece = feeds === null && canReadInPieces(model) ? PROMPT_PIECE_TOKENS : promptIds.length;
  const processors = new LogitsProcessorList();
  if (options.choose !== null) processors.push(new ChosenTokenOnly(options.choose));
  try {
    for (let end = piece; end < promptIds.length; end += piece) {
      await model.generate({ ...promptInputs(promptIds.slice(0, end), cache), max_new_tokens: 1 });
      if (options.shouldStop()) return;
    }
    await model.generate({
      ...promptInputs(promptIds, cache),
      ...feeds,
      max_new_tokens: options.maxNewTokens,
      logits_processor: processors,
      stopping_criteria: new AskEachToken(options.shouldStop),
      // The library's types ask for one of its own subclasses; its code asks for `put` and `end`.
      streamer: new EachToken(options.onToken) as unknown as TextStreamer,
    });
  } finally {
    await cache?.dispose();
  }
}

/** The library computes only what the cache does not hold yet. */
function promptInputs(promptIds: readonly number[], cache: DynamicCache | null) {
  const ids = BigInt64Array.from(promptIds, BigInt);
  return {
    input_ids: new Tensor('int64', ids, [1, ids.length]),
    attention_mask: new Tensor('int64', new BigInt64Array(ids.length).fill(1n), [1, ids.length]),
    ...(cache === null ? {} : { past_key_values: cache }),
    // The library ignores top_p and shares one random source between all runs: it always decodes greedily here, and
    // our own sampler leaves it one token to take.
    do_sample: false,
    num_beams: 1,
    // What the model's files ask for is done by our own sampler as well, so that a caller can ask for something else.
    repetition_penalty: 1,
  };
}

/** Recurrent and convolutional states are exported for one token at a time after the prompt; plain attention is not. */
function canReadInPieces(model: PreTrainedModel): boolean {
  const names: unknown = model.sessions.model?.inputNames;
  return Array.isArray(names) && names.every((name) => !/^past_(?!key_values)/.test(String(name)));
}

/** Leaves a chooser's token the only one that can be taken. */
export class ChosenTokenOnly extends LogitsProcessor {
  readonly choose: TokenChooser;

  constructor(choose: TokenChooser) {
    super();
    this.choose = choose;
  }

  override _call(_ids: bigint[][], logits: Tensor): Tensor {
    const scores = logits.data as Float32Array;
    const chosen = this.choose(scores);
    scores.fill(Number.NEGATIVE_INFINITY);
    scores[chosen] = 0;
    return logits;
  }
}

class AskEachToken extends StoppingCriteria {
  readonly shouldStop: () => boolean;

  constructor(shouldStop: () => boolean) {
    super();
    this.shouldStop = shouldStop;
  }

  override _call(): boolean[] {
    return [this.shouldStop()];
  }
}

class EachToken extends BaseStreamer {
  readonly onToken: (id: number) => void;
  #promptSeen = false;

  constructor(onToken: (id: number) => void) {
    super();
    this.onToken = onToken;
  }

  override put(rows: bigint[][]): void {
    if (this.#promptSeen) this.onToken(Number(rows[0]?.[0] ?? 0n));
    this.#promptSeen = true;
  }

  override end(): void {}
}
