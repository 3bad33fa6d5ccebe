/**
 * The seam to transformers.js: only this file and its neighbours `library-…` import it and know its types.
 *
 * 1. The library never touches a network or a disk by its own choice: every file comes from the `ModelFiles` that the
 *    model was loaded with, under a virtual id that is used once, because the library memoizes by id for ever.
 * 2. The library never logs: on a failed run it would print the inputs, which are somebody's prompt.
 */
import {
  AutoModel,
  AutoModelForCausalLM,
  AutoTokenizer,
  type DataType,
  type DeviceType,
  env,
  LogLevel,
  type PreTrainedModel,
  type PreTrainedTokenizer,
  Tensor,
} from '@huggingface/transformers';
import type { VocabularySource } from '../constraints/vocabulary.ts';
import type { Pace } from '../duty.ts';
import type { ThreadTrial } from '../thread-trial.ts';
import type { DecodeLoop } from './decode-loop.ts';
import type { GenerateOptions, ShownInPrompt } from './decode-request.ts';
import { generateInLibrary, wantsLibrary } from './library-generation.ts';
import { openLoop } from './library-loop.ts';
import { paced } from './library-pace.ts';
import { openSession } from './library-session.ts';
import { isJsonObject, type JsonObject, type ModelFiles } from './model-files.ts';
import { tellThreads } from './tell-threads.ts';
import { createThreadChoice, type OwnGraph } from './thread-choice.ts';

export type LoadOptions = {
  dtype: string;
  device: string;
  threads: number;
  /** Of passes over several rows, such as of answers made at once; more than `threads` are tried, and kept if they are faster. */
  sharedThreads?: number;
  /** Bounds what is kept of finished conversations; 0 keeps nothing. */
  prefixBudgetBytes?: number;
  /** Bounds the key and value caches of a language model altogether: of the answers it makes and of what is kept. */
  cacheBudgetBytes?: number;
  /** `library` leaves decoding to the inference library, which makes one answer at a time. */
  decoding?: 'own' | 'library';
  /** What the owner wants of a model whose files would say something else. */
  task?: string;
  /** When its passes may run; at once when absent. */
  pace?: Pace;
  /** Hears what was measured of `threads` and `sharedThreads`, each time. */
  onThreadTrial?: (trial: ThreadTrial) => void;
};

/** A message as chat templates read it; its further members are theirs, but for the places of its pictures. */
export type TemplateMessage = { role: string; content: string; pictures?: readonly number[] } & JsonObject;

export type TemplateTools = readonly JsonObject[] | null;

/** Text to token ids and back. */
export type Tokenizer = {
  encode(text: string, addSpecialTokens: boolean): number[];
  /** Text of `ids` (at least one) exactly as they stand; the caller has left special tokens out. */
  decode(ids: number[]): string;
  /** The conversation in the model's own prompt format; `null` when the model has none. */
  encodeChat(messages: readonly TemplateMessage[], tools: TemplateTools): number[] | null;
  /** The same as text. */
  renderChat(messages: readonly TemplateMessage[], tools: TemplateTools): string | null;
  /** The chat template that `encodeChat` uses. */
  readonly template: string | null;
  /** What the tokenizer's files say of its tokens; takes a moment, and is asked once. */
  readVocabulary(): VocabularySource;
  readonly specialIds: ReadonlySet<number>;
  readonly padId: number;
};

/** Token ids of a conversation with pictures, and what they are to the model. */
export type PicturePrompt = { readonly ids: number[]; readonly shown: ShownInPrompt };

export type LanguageModel = {
  tokenizer: Tokenizer;
  /** Reads a conversation that shows `pictures` in this order; absent from a model that reads text only. */
  readPictures?(
    messages: readonly TemplateMessage[],
    tools: TemplateTools,
    pictures: readonly Uint8Array[],
  ): Promise<PicturePrompt>;
  generationDefaults: JsonObject;
  endIds: ReadonlySet<number>;
  generate(promptIds: readonly number[], options: GenerateOptions): Promise<void>;
  /** The sessions whose beginning is still known, the one used last first. */
  warmSessions(): string[];
  dispose(): Promise<void>;
};

export type EncoderOutput = { values: Float32Array; columns: number; width: number };

export type EncoderModel = {
  tokenizer: Tokenizer;
  /** Hidden states of `rows` padded token rows, `mask` 1 where a token is real; all row-major. */
  forward(ids: BigInt64Array, mask: BigInt64Array, rows: number): Promise<EncoderOutput>;
  dispose(): Promise<void>;
};

const VIRTUAL_ROOT = '/sparewatt-models/';
const sources = new Map<string, ModelFiles>();
let loads = 0;

env.logLevel = LogLevel.NONE;
env.allowRemoteModels = false;
env.allowLocalModels = true;
env.useFS = false;
env.useFSCache = false;
env.useBrowserCache = false;
env.localModelPath = VIRTUAL_ROOT;
env.remoteHost = VIRTUAL_ROOT;
env.remotePathTemplate = '{model}/';
env.fetch = () => Promise.reject(new Error('The inference library may not fetch anything.'));
env.useCustomCache = true;
env.customCache = { match: openVirtual, put: async () => undefined };

/** In a browser, once before the first load: where onnxruntime's own code lies, as URLs, and its threads for all models. */
export function setUpWebAssembly(files: { mjs: string; wasm: string }, threads: number): void {
  const { wasm } = env.backends.onnx;
  if (wasm === undefined) throw new Error('This build of the inference library has no WebAssembly.');
  // It would run the code from a blob, which a strict content security policy forbids.
  env.useWasmCache = false;
  wasm.wasmPaths = files;
  wasm.numThreads = threads;
}

async function openVirtual(key: string): Promise<Response | string | undefined> {
  const [id = '', ...rest] = key.slice(VIRTUAL_ROOT.length).split('/');
  const file = await sources.get(id)?.open(rest.join('/'));
  if (file === undefined || file === null) return undefined;
  if ('path' in file) return file.path;
  // The cast only narrows the buffer type: these bytes were just read and are never shared memory.
  return new Response(file.bytes as Uint8Array<ArrayBuffer>, {
    headers: { 'content-length': String(file.bytes.length) },
  });
}

/** Lets the library open `files` under an id of its own for as long as `load` runs. */
export async function withVirtualId<Result>(files: ModelFiles, load: (id: string) => Promise<Result>): Promise<Result> {
  const id = `model-${loads++}`;
  sources.set(id, files);
  try {
    return await load(id);
  } finally {
    sources.delete(id);
  }
}

export function pretrainedOptions(options: LoadOptions) {
  return {
    dtype: options.dtype as DataType,
    device: options.device as DeviceType,
    session_options: { intraOpNumThreads: options.threads, interOpNumThreads: 1 },
  };
}

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
        if (loop !== null) await loop.generate(promptIds, asked);
        else await Promise.all(asked.rows.map((row) => generateInLibrary(model, promptIds, row, null)));
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

/** Newer models keep their template in a file of its own, which the library does not read. */
export async function readTemplate(files: ModelFiles): Promise<string | null> {
  const file = await files.open('chat_template.jinja');
  return file !== null && 'bytes' in file ? new TextDecoder().decode(file.bytes) : null;
}

export function wrapTokenizer(tokenizer: PreTrainedTokenizer, templateFile: string | null): Tokenizer {
  const own: unknown = tokenizer.chat_template;
  const hasOwnTemplate = own !== null;
  // Some models have several under names, and one of them for tools.
  const named = isJsonObject(own) ? (own.tool_use ?? own.default) : own;
  const applyTemplate = (messages: readonly TemplateMessage[], tools: TemplateTools, tokenize: boolean): unknown =>
    !hasOwnTemplate && templateFile === null
      ? null
      : tokenizer.apply_chat_template([...messages], {
          add_generation_prompt: true,
          tokenize,
          return_tensor: false,
          return_dict: false,
          ...(tools === null ? {} : { tools: [...tools] }),
          ...(hasOwnTemplate ? {} : { chat_template: templateFile }),
        });
  return {
    encode: (text, addSpecialTokens) => tokenizer.encode(text, { add_special_tokens: addSpecialTokens }),
    // Clean-up would change text that was already sent when the next token arrives.
    decode: (ids) => tokenizer.decode(ids, { skip_special_tokens: false, clean_up_tokenization_spaces: false }),
    encodeChat: (messages, tools) => applyTemplate(messages, tools, true) as number[] | null,
    renderChat: (messages, tools) => applyTemplate(messages, tools, false) as string | null,
    template: typeof named === 'string' ? named : templateFile,
    readVocabulary: () => readVocabulary(tokenizer),
    specialIds: new Set(tokenizer.all_special_ids as number[]),
    padId: tokenizer.pad_token_id ?? 0,
  };
}

function readVocabulary(tokenizer: PreTrainedTokenizer): VocabularySource {
  const names: (string | undefined)[] = [];
  for (const [name, id] of tokenizer.get_vocab()) names[id] = name;
  const added = new Map<number, { text: string; isSpecial: boolean }>();
  for (const [id, token] of tokenizer._tokenizer.get_added_tokens_decoder()) {
    names[id] = token.content;
    added.set(id, { text: token.content, isSpecial: token.special });
  }
  // From here on no place is missing.
  const file: unknown = tokenizer._tokenizerJSON;
  const decoder = isJsonObject(file) ? JSON.stringify(file.decoder ?? null) : '';
  const dropsFirstSpace = /"(Strip|Metaspace)"/.test(decoder);
  return { names: Array.from(names), naming: namingOf(decoder), dropsFirstSpace, added };
}

function namingOf(decoder: string): VocabularySource['naming'] {
  if (decoder.includes('"ByteLevel"')) return 'byte-level';
  return /"(ByteFallback|Metaspace)"|"▁"/.test(decoder) ? 'byte-fallback' : 'unknown';
}

export function endIds(generationDefaults: JsonObject, config: unknown): ReadonlySet<number> {
  const own = isJsonObject(config) ? config : {};
  const nested = isJsonObject(own.text_config) ? own.text_config : {};
  const declared = generationDefaults.eos_token_id ?? own.eos_token_id ?? nested.eos_token_id;
  const list = Array.isArray(declared) ? declared : [declared];
  return new Set(list.filter((id) => typeof id === 'number'));
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
