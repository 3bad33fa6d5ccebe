import { AutoModel, AutoTokenizer, type PreTrainedModel, Tensor } from '@huggingface/transformers';
import { isJsonObject, type ModelFiles } from '../model-files.ts';
import { tellThreads } from '../tell-threads.ts';
import { createThreadChoice, type OwnGraph } from '../thread-choice.ts';
import { type LoadOptions, pretrainedOptions, withVirtualId } from './environment.ts';
import { paced } from './pace.ts';
import { type Tokenizer, wrapTokenizer } from './tokenizer.ts';

export type EncoderOutput = { values: Float32Array; columns: number; width: number };

export type EncoderModel = {
  tokenizer: Tokenizer;
  /** Hidden states of `rows` padded token rows, `mask` 1 where a token is real; all row-major. */
  forward(ids: BigInt64Array, mask: BigInt64Array, rows: number): Promise<EncoderOutput>;
  dispose(): Promise<void>;
};

/** Loads a text encoder; rejects with the library's own error. */
export function loadEncoder(files: ModelFiles, options: LoadOptions): Promise<EncoderModel> {
  return withVirtualId(files, async (id) => {
    const tokenizer = wrapTokenizer(await AutoTokenizer.from_pretrained(id), null);
    const model = paced(await AutoModel.from_pretrained(id, pretrainedOptions(options)), options);
    const choice = createThreadChoice<EncoderFeeds, EncoderOutput>({
      narrow: (feeds) => encode(model, feeds),
      openWide: () => openWideEncoder(files, options),
      sizeOf: ({ ids, rows }) => ({ rows, columns: ids.length / rows }),
      ...tellThreads(options),
    });
    const isChosen = (options.sharedThreads ?? 1) > options.threads;
    return {
      tokenizer,
      forward(ids, mask, rows) {
        const feeds = { ids, mask, rows };
        return isChosen ? choice.run(feeds) : encode(model, feeds);
      },
      async dispose() {
        await choice.close();
        await model.dispose();
      },
    };
  });
}

type EncoderFeeds = { ids: BigInt64Array; mask: BigInt64Array; rows: number };

function openWideEncoder(files: ModelFiles, load: LoadOptions): Promise<OwnGraph<EncoderFeeds, EncoderOutput>> {
  return withVirtualId(files, async (id) => {
    const threads = load.sharedThreads ?? load.threads;
    const model = paced(await AutoModel.from_pretrained(id, pretrainedOptions({ ...load, threads })), load);
    return { run: (feeds) => encode(model, feeds), dispose: async () => void (await model.dispose()) };
  });
}

async function encode(model: PreTrainedModel, { ids, mask, rows }: EncoderFeeds): Promise<EncoderOutput> {
  const columns = ids.length / rows;
  const output: unknown = await model({
    input_ids: new Tensor('int64', ids, [rows, columns]),
    attention_mask: new Tensor('int64', mask, [rows, columns]),
  });
  const hidden = isJsonObject(output) ? (output.last_hidden_state ?? output.token_embeddings) : undefined;
  if (!(hidden instanceof Tensor)) throw new Error('The model gives no hidden states, so it cannot embed.');
  const values = hidden.to('float32').data as Float32Array;
  return { values, columns, width: hidden.dims.at(-1) ?? 0 };
}
