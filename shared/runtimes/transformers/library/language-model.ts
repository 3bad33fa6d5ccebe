import { AutoModelForCausalLM, AutoTokenizer, type PreTrainedModel } from '@huggingface/transformers';
import type { DecodeLoop } from '../decoding/decode-loop.ts';
import type { GenerateOptions, ShownInPrompt } from '../decoding/decode-request.ts';
import { isJsonObject, type JsonObject, type ModelFiles } from '../model-files.ts';
import { type LoadOptions, pretrainedOptions, withVirtualId } from './environment.ts';
import { generateInLibrary, wantsLibrary } from './generation.ts';
import { openLoop } from './loop.ts';
import { paced } from './pace.ts';
import { openSession } from './session.ts';
import {
  type PromptCompletion,
  readTemplate,
  type TemplateMessage,
  type TemplateTools,
  type Tokenizer,
  wrapTokenizer,
} from './tokenizer.ts';

/** Token ids of a conversation with pictures, and what they are to the model. */
export type PicturePrompt = { readonly ids: number[]; readonly shown: ShownInPrompt };

export type LanguageModel = {
  tokenizer: Tokenizer;
  /** Reads a conversation that shows `pictures` in this order; absent from a model that reads text only. */
  readPictures?(
    messages: readonly TemplateMessage[],
    tools: TemplateTools,
    pictures: readonly Uint8Array[],
    completion?: PromptCompletion,
  ): Promise<PicturePrompt>;
  generationDefaults: JsonObject;
  endIds: ReadonlySet<number>;
  /** Resolves with how many tokens of the prompt were known from before. */
  generate(promptIds: readonly number[], options: GenerateOptions): Promise<number>;
  /** The sessions whose beginning is still known, the one used last first. */
  warmSessions(): string[];
  dispose(): Promise<void>;
};

/** Loads a decoder-only language model; rejects with the library's own error. */
export function loadLanguageModel(files: ModelFiles, options: LoadOptions): Promise<LanguageModel> {
  return withVirtualId(files, async (id) => {
    const template = await readTemplate(files);
    const tokenizer = wrapTokenizer(await AutoTokenizer.from_pretrained(id), template);
    const model = paced(await AutoModelForCausalLM.from_pretrained(id, pretrainedOptions(options)), options);
    const generationDefaults: JsonObject = isJsonObject(model.generation_config) ? { ...model.generation_config } : {};
    const loop = wantsLibrary(generationDefaults) ? null : openModelLoop(model, files, options);
    return {
      tokenizer,
      generationDefaults,
      endIds: endIds(generationDefaults, model.config),
      async generate(promptIds, asked) {
        if (loop !== null) return await loop.generate(promptIds, asked);
        await Promise.all(asked.rows.map((row) => generateInLibrary(model, promptIds, row, null)));
        return 0;
      },
      warmSessions: () => loop?.warmSessions() ?? [],
      async dispose() {
        await loop?.close();
        await model.dispose();
      },
    };
  });
}

/** `null` for a model that the inference library has to decode itself. */
function openModelLoop(model: PreTrainedModel, files: ModelFiles, load: LoadOptions): DecodeLoop | null {
  const session = load.decoding === 'library' ? null : openSession(model);
  if (session === null) return null;
  return openLoop({
    session,
    modelType: String(model.config.model_type),
    load,
    openOnThreads: (threads) =>
      withVirtualId(files, async (id) => {
        const wide = paced(
          await AutoModelForCausalLM.from_pretrained(id, pretrainedOptions({ ...load, threads })),
          load,
        );
        const session = openSession(wide);
        if (session === null) throw new Error('The graph is another than it was.');
        return { run: session.run, dispose: async () => void (await wide.dispose()) };
      }),
  });
}

export function endIds(generationDefaults: JsonObject, config: unknown): ReadonlySet<number> {
  const own = isJsonObject(config) ? config : {};
  const nested = isJsonObject(own.text_config) ? own.text_config : {};
  const declared = generationDefaults.eos_token_id ?? own.eos_token_id ?? nested.eos_token_id;
  const list = Array.isArray(declared) ? declared : [declared];
  return new Set(list.filter((id) => typeof id === 'number'));
}
