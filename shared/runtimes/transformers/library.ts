/**
 * The seam to transformers.js: the only file that imports it, and the only one that knows its types.
 *
 * 1. The library never touches a network or a disk by its own choice: every file comes from the `ModelFiles` that the
 *    model was loaded with, under a virtual id that is used once, because the library memoizes by id for ever.
 * 2. The library never logs: on a failed run it would print the inputs, which are somebody's prompt.
 */
import {
  AutoModel,
  AutoModelForCausalLM,
  AutoTokenizer,
  BaseStreamer,
  type DataType,
  type DeviceType,
  DynamicCache,
  env,
  LogitsProcessor,
  LogitsProcessorList,
  LogLevel,
  type PreTrainedModel,
  type PreTrainedTokenizer,
  StoppingCriteria,
  Tensor,
  type TextStreamer,
} from '@huggingface/transformers';
import type { VocabularySource } from '../constraints/vocabulary.ts';
import { isJsonObject, type JsonObject, type ModelFiles } from './model-files.ts';
import { createPrefixStore, type PrefixStore, type StateKind } from './prefix-store.ts';

/** `prefixBudgetBytes` bounds what is kept of finished conversations; 0 keeps nothing. */
export type LoadOptions = { dtype: string; device: string; threads: number; prefixBudgetBytes?: number };

/** A message as chat templates read it; its further members are theirs. */
export type TemplateMessage = { role: string; content: string } & JsonObject;

/** Text to token ids and back. */
export type Tokenizer = {
  encode(text: string, addSpecialTokens: boolean): number[];
  /** Text of `ids` (at least one) exactly as they stand; the caller has left special tokens out. */
  decode(ids: number[]): string;
  /** The conversation in the model's own prompt format; `null` when the model has none. */
  encodeChat(messages: readonly TemplateMessage[], tools: readonly JsonObject[] | null): number[] | null;
  /** The chat template that `encodeChat` uses. */
  readonly template: string | null;
  /** What the tokenizer's files say of its tokens; takes a moment, and is asked once. */
  readVocabulary(): VocabularySource;
  readonly specialIds: ReadonlySet<number>;
  readonly padId: number;
};

/** Picks the next token from the scores of all tokens, which it may overwrite. */
export type TokenChooser = (logits: Float32Array) => number;

export type GenerateOptions = {
  /** Whose earlier prompts may serve this one; `null` begins anew and keeps nothing. */
  scope: string | null;
  maxNewTokens: number;
  /** `null` takes the token with the highest score. */
  choose: TokenChooser | null;
  onToken(id: number): void;
  /** Asked after every token. */
  shouldStop(): boolean;
};

export type LanguageModel = {
  tokenizer: Tokenizer;
  generationDefaults: JsonObject;
  endIds: ReadonlySet<number>;
  generate(promptIds: readonly number[], options: GenerateOptions): Promise<void>;
  dispose(): Promise<void>;
};

export type EncoderOutput = { values: Float32Array; columns: number; width: number };

export type EncoderModel = {
  tokenizer: Tokenizer;
  /** Hidden states of `rows` padded token rows, `mask` 1 where a token is real; all row-major. */
  forward(ids: BigInt64Array, mask: BigInt64Array, rows: number): Promise<EncoderOutput>;
  dispose(): Promise<void>;
};

/**
 * Prompts are read in pieces: a cancel waits for one piece at most, other jobs get their turn in between, and models
 * that compute scores for every prompt token need memory for one piece (128 x 50,000 scores are 26 MB, 8,192 are 1.6 GB).
 */
const PROMPT_CHUNK_TOKENS = 128;

/** A conversation of 8,000 tokens with a model of 0.5 B parameters (12 KB a token) is 100 MB. */
const PREFIX_BUDGET_BYTES = 256 * 2 ** 20;

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

async function withVirtualId<Result>(files: ModelFiles, load: (id: string) => Promise<Result>): Promise<Result> {
  const id = `model-${loads++}`;
  sources.set(id, files);
  try {
    return await load(id);
  } finally {
    sources.delete(id);
  }
}

function pretrainedOptions(options: LoadOptions) {
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
    const model = await AutoModelForCausalLM.from_pretrained(id, pretrainedOptions(options));
    const prefixes = createPrefixStore(KV_CACHES, options.prefixBudgetBytes ?? PREFIX_BUDGET_BYTES);
    const generationDefaults: JsonObject = isJsonObject(model.generation_config) ? { ...model.generation_config } : {};
    return {
      tokenizer,
      generationDefaults,
      endIds: endIds(generationDefaults, model.config),
      generate: (promptIds, generateOptions) => generate(model, prefixes, promptIds, generateOptions),
      async dispose() {
        prefixes.clear();
        await model.dispose();
      },
    };
  });
}

/** Loads a text encoder; rejects with the library's own error. */
export function loadEncoder(files: ModelFiles, options: LoadOptions): Promise<EncoderModel> {
  return withVirtualId(files, async (id) => {
    const tokenizer = wrapTokenizer(await AutoTokenizer.from_pretrained(id), null);
    const model = await AutoModel.from_pretrained(id, pretrainedOptions(options));
    return {
      tokenizer,
      forward: (ids, mask, rows) => encode(model, ids, mask, rows),
      dispose: async () => void (await model.dispose()),
    };
  });
}

/** Newer models keep their template in a file of its own, which the library does not read. */
async function readTemplate(files: ModelFiles): Promise<string | null> {
  const file = await files.open('chat_template.jinja');
  return file !== null && 'bytes' in file ? new TextDecoder().decode(file.bytes) : null;
}

function wrapTokenizer(tokenizer: PreTrainedTokenizer, templateFile: string | null): Tokenizer {
  const own: unknown = tokenizer.chat_template;
  const hasOwnTemplate = own !== null;
  // Some models have several under names, and one of them for tools.
  const named = isJsonObject(own) ? (own.tool_use ?? own.default) : own;
  return {
    encode: (text, addSpecialTokens) => tokenizer.encode(text, { add_special_tokens: addSpecialTokens }),
    // Clean-up would change text that was already sent when the next token arrives.
    decode: (ids) => tokenizer.decode(ids, { skip_special_tokens: false, clean_up_tokenization_spaces: false }),
    encodeChat(messages, tools) {
      if (!hasOwnTemplate && templateFile === null) return null;
      return tokenizer.apply_chat_template([...messages], {
        add_generation_prompt: true,
        return_tensor: false,
        return_dict: false,
        ...(tools === null ? {} : { tools: [...tools] }),
        ...(hasOwnTemplate ? {} : { chat_template: templateFile }),
      }) as number[];
    },
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

function endIds(generationDefaults: JsonObject, config: unknown): ReadonlySet<number> {
  const own = isJsonObject(config) ? config : {};
  const nested = isJsonObject(own.text_config) ? own.text_config : {};
  const declared = generationDefaults.eos_token_id ?? own.eos_token_id ?? nested.eos_token_id;
  const list = Array.isArray(declared) ? declared : [declared];
  return new Set(list.filter((id) => typeof id === 'number'));
}

async function generate(
  model: PreTrainedModel,
  prefixes: PrefixStore<DynamicCache>,
  promptIds: readonly number[],
  options: GenerateOptions,
): Promise<void> {
  const inChunks = canReadInChunks(model);
  const scope = inChunks ? options.scope : null;
  const known = scope === null ? null : prefixes.take(scope, promptIds);
  const cache = known?.state ?? new DynamicCache();
  /** What `cache` was computed from; `null` while that is not certain. */
  let read: readonly number[] | null = null;
  try {
    const chunk = inChunks ? PROMPT_CHUNK_TOKENS : promptIds.length;
    for (let end = (known?.tokens ?? 0) + chunk; end < promptIds.length; end += chunk) {
      read = null;
      await model.generate({ ...promptInputs(promptIds.slice(0, end), cache), max_new_tokens: 1 });
      read = promptIds.slice(0, end);
      if (options.shouldStop()) return;
    }
    read = null;
    read = await answer(model, promptIds, cache, options);
  } finally {
    const isCertain = read !== null && cache.get_seq_length() === read.length;
    if (scope !== null && isCertain && read !== null) prefixes.keep(scope, read, cache);
    else await cache.dispose();
  }
}

/** Returns the tokens that the cache holds afterwards: all but the last, which was made and not read. */
async function answer(
  model: PreTrainedModel,
  promptIds: readonly number[],
  cache: DynamicCache,
  options: GenerateOptions,
): Promise<number[]> {
  const ids = [...promptIds];
  const processors = new LogitsProcessorList();
  if (options.choose !== null) processors.push(new ChosenTokenOnly(options.choose));
  const onToken = (id: number): void => {
    ids.push(id);
    options.onToken(id);
  };
  await model.generate({
    ...promptInputs(promptIds, cache),
    max_new_tokens: options.maxNewTokens,
    logits_processor: processors,
    stopping_criteria: new AskEachToken(options.shouldStop),
    // The library's types ask for one of its own subclasses; its code asks for `put` and `end`.
    streamer: new EachToken(onToken) as unknown as TextStreamer,
  });
  return ids.slice(0, -1);
}

/**
 * Tensors in ordinary memory are never written to, so that caches can share them. Those on a GPU are disposed of when
 * the next one replaces them: such a cache has one user, who takes the whole of it.
 */
const KV_CACHES: StateKind<DynamicCache> = {
  sizeBytes: (cache) => tensorsOf(cache).reduce((sum, [, tensor]) => sum + tensorBytes(tensor), 0),
  fork(cache, tokens, length) {
    const tensors = tensorsOf(cache);
    if (tensors.some(([, { location }]) => location === 'gpu-buffer')) return null;
    return new DynamicCache(
      Object.fromEntries(
        tensors.map(([name, tensor]) => [name, tokens === length ? tensor : firstTokens(tensor, tokens)]),
      ),
    );
  },
  drop: (cache) => void cache.dispose(),
};

function tensorsOf(cache: DynamicCache): [string, Tensor][] {
  return Object.entries(cache).filter((entry): entry is [string, Tensor] => entry[1] instanceof Tensor);
}

function tensorBytes({ type, size }: Tensor): number {
  return size * (type === 'float16' ? 2 : 4);
}

/** Cuts `[batch, heads, tokens, width]` to its first tokens. */
function firstTokens(tensor: Tensor, tokens: number): Tensor {
  const [batch = 1, heads = 1, length = 0, width = 0] = tensor.dims;
  const from = tensor.data as Float32Array;
  const part = tokens * width;
  const to = from.slice(0, batch * heads * part);
  for (let head = 1; head < batch * heads; head++) {
    const start = head * length * width;
    to.set(from.subarray(start, start + part), head * part);
  }
  return new Tensor(tensor.type, to, [batch, heads, tokens, width]);
}

/** The library computes only what the cache does not hold yet. */
function promptInputs(promptIds: readonly number[], cache: DynamicCache) {
  const ids = BigInt64Array.from(promptIds, BigInt);
  return {
    input_ids: new Tensor('int64', ids, [1, ids.length]),
    attention_mask: new Tensor('int64', new BigInt64Array(ids.length).fill(1n), [1, ids.length]),
    past_key_values: cache,
    // The library ignores top_p and shares one random source between all runs: it always decodes greedily here, and
    // our own sampler leaves it one token to take.
    do_sample: false,
    num_beams: 1,
    // What the model's files ask for is done by our own sampler as well, so that a caller can ask for something else.
    repetition_penalty: 1,
  };
}

/** Recurrent and convolutional states are exported for one token at a time after the prompt; plain attention is not. */
function canReadInChunks(model: PreTrainedModel): boolean {
  const names: unknown = model.sessions.model?.inputNames;
  return Array.isArray(names) && names.every((name) => !/^past_(?!key_values)/.test(String(name)));
}

async function encode(
  model: PreTrainedModel,
  ids: BigInt64Array,
  mask: BigInt64Array,
  rows: number,
): Promise<EncoderOutput> {
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

class ChosenTokenOnly extends LogitsProcessor {
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
