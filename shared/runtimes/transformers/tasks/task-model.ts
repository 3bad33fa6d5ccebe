/** The third part of the seam to transformers.js: one model in memory, and the library's pipelines over it. */
import {
  AutoProcessor,
  AutoTokenizer,
  LogitsProcessorList,
  type PreTrainedModel,
  type PreTrainedTokenizer,
  type Processor,
  Tensor,
} from '@huggingface/transformers';
import { type LoadOptions, pretrainedOptions, withVirtualId } from '../library/environment.ts';
import { paced } from '../library/pace.ts';
import { type Picture, readPicture, writePng } from '../library/pictures.ts';
import { modelOfRow, openWriting } from '../library/writing.ts';
import { isJsonObject, type JsonObject, type ModelFiles } from '../model-files.ts';
import { OnlyThese, StopWhen, Watch } from './steering.ts';
import { type ModelClass, TASK_CLASSES } from './task-classes.ts';
import type { Task, TaskKind } from './task-kinds.ts';
import type { RowPasses, WritingGraph } from './writing-graph.ts';

/** Scores of every token for every frame of sound, row-major. */
export type FrameScores = { readonly scores: Float32Array; readonly frames: number; readonly tokens: number };

export type TaskModel = {
  readonly kind: TaskKind;
  readonly config: JsonObject;
  /** How many tokens of text it reads at most. */
  readonly contextLength: number;
  readonly generationConfig: JsonObject;
  /** Runs the library's pipeline for `task` on what that pipeline takes. */
  call(task: Task, ...inputs: readonly unknown[]): Promise<unknown>;
  /** What makes one text of another, where it takes several side by side; `callFor` is `call` with the passes of `row`. */
  readonly writing?: {
    readonly graph: WritingGraph;
    callFor(row: RowPasses): TaskModel['call'];
  };
  /** An option for pipelines that write: they end with the token at which `interrupted` answers yes. */
  until(interrupted: () => boolean): { stopping_criteria: object };
  /**
   * The same for those that forget their criteria on the way (Whisper): they reject, with an error of no meaning. Each token
   * that they write is told.
   */
  watch(interrupted: () => boolean, onToken?: (token: number) => void): { streamer: object };
  /** The first score of each pair of texts. */
  scorePairs(left: readonly string[], right: readonly string[]): Promise<number[]>;
  scoreFrames(samples: Float32Array): Promise<FrameScores>;
  /** Which of these tokens a model that writes down speech would write first after its start. */
  likeliestStart(samples: Float32Array, among: readonly number[]): Promise<number | null>;
  countTokens(text: string): number;
  decode(tokens: readonly number[]): string;
  readonly maskToken: string | null;
  /** The tokens by their ids, and those that stand for no text. */
  readonly tokens: {
    readonly names: readonly string[];
    readonly specialIds: ReadonlySet<number>;
    readonly padId: number;
  };
  /** Samples per second that the model hears, or speaks. */
  readonly rateHz: number;
  readPicture(bytes: Uint8Array): Promise<Picture>;
  writePng(picture: Picture): Promise<Uint8Array>;
  dispose(): Promise<void>;
};

type Parts = { model: PreTrainedModel; tokenizer: PreTrainedTokenizer | null; processor: Processor | null };
type Pipeline = (...inputs: readonly unknown[]) => Promise<unknown>;

const TELEPHONE_AND_UP_HZ = 16_000;

/** Reads a model for tasks into memory; rejects with the library's own error. */
export function loadTaskModel(
  files: ModelFiles,
  options: LoadOptions,
  kind: TaskKind,
  config: JsonObject,
  contextLength: number,
): Promise<TaskModel> {
  return withVirtualId(files, async (id) => {
    const tokenizer = kind.hasTokenizer ? decodingNothing(await AutoTokenizer.from_pretrained(id)) : null;
    const processor = kind.hasProcessor ? await AutoProcessor.from_pretrained(id, {}) : null;
    const model = paced(await modelClassOf(kind, config).from_pretrained(id, pretrainedOptions(options)), options);
    const parts = { model, tokenizer, processor };
    return { ...wrap(parts, kind, config), ...writingOf(parts, kind, options), contextLength };
  });
}

function modelClassOf({ tasks }: TaskKind, { model_type }: JsonObject): ModelClass {
  const candidates = tasks.flatMap((task) => TASK_CLASSES[task].models);
  const found = candidates.find((candidate) => candidate.supports?.(String(model_type)));
  if (found !== undefined) return found;
  throw new Error(`no class for models of type ${String(model_type)} that do ${tasks[0]}`);
}

function wrap(parts: Parts, kind: TaskKind, config: JsonObject): Omit<TaskModel, 'contextLength'> {
  const { model, tokenizer, processor } = parts;
  const pipelines = new Map<Task, Pipeline>();
  const pipelineOf = (task: Task): Pipeline => {
    const known = pipelines.get(task) ?? openPipeline(task, parts);
    pipelines.set(task, known);
    return known;
  };
  return {
    kind,
    config,
    generationConfig: isJsonObject(model.generation_config) ? { ...model.generation_config } : {},
    call: (task, ...inputs) => pipelineOf(task)(...inputs),
    until: (interrupted) => ({ stopping_criteria: new StopWhen(interrupted) }),
    watch: (interrupted, onToken = () => undefined) => ({ streamer: new Watch(interrupted, onToken) }),
    scorePairs: (left, right) => scorePairs(parts, left, right),
    scoreFrames: (samples) => scoreFrames(parts, samples),
    likeliestStart: (samples, among) => likeliestStart(parts, samples, among),
    countTokens: (text) => tokenizer?.encode(text).length ?? 0,
    decode: (tokens) => tokenizer?.decode([...tokens]) ?? '',
    maskToken: tokenizer?.mask_token ?? null,
    tokens: tokensOf(tokenizer),
    rateHz: rateOf(processor, config),
    readPicture,
    writePng,
    dispose: async () => void (await model.dispose()),
  };
}

function openPipeline(task: Task, parts: Parts): Pipeline {
  const Class = TASK_CLASSES[task].pipeline;
  if (Class === null) throw new Error(`the library has no pipeline for ${task}`);
  return new Class({ task, ...parts } as never) as Pipeline;
}

function writingOf(parts: Parts, { tasks }: TaskKind, { device }: LoadOptions): Pick<TaskModel, 'writing'> {
  const graph = tasks.includes('text2text-generation')
    ? openWriting(parts.model, parts.tokenizer?.pad_token_id ?? 0, device)
    : null;
  if (graph === null) return {};
  const callFor = (row: RowPasses): TaskModel['call'] => {
    const model = modelOfRow(parts.model, row);
    return (task, ...inputs) => openPipeline(task, { ...parts, model })(...inputs);
  };
  return { writing: { graph, callFor } };
}

/** A model that hears silence writes no token at all, which the library's tokenizers refuse to decode. */
function decodingNothing(tokenizer: PreTrainedTokenizer): PreTrainedTokenizer {
  const decode = tokenizer.decode.bind(tokenizer);
  tokenizer.decode = (ids, options) => (Array.isArray(ids) && ids.length === 0 ? '' : decode(ids, options));
  return tokenizer;
}

function tokensOf(tokenizer: PreTrainedTokenizer | null): TaskModel['tokens'] {
  const names: string[] = [];
  if (tokenizer !== null) for (const [name, id] of tokenizer.get_vocab()) names[id] = name;
  return {
    names: Array.from(names, (name) => name ?? ''),
    specialIds: new Set((tokenizer?.all_special_ids ?? []) as number[]),
    padId: tokenizer?.pad_token_id ?? 0,
  };
}

function rateOf(processor: Processor | null, config: JsonObject): number {
  const heard: unknown = processor?.feature_extractor?.config;
  const rate = isJsonObject(heard) ? heard.sampling_rate : config.sampling_rate;
  return typeof rate === 'number' && rate > 0 ? rate : TELEPHONE_AND_UP_HZ;
}

async function scorePairs(
  { model, tokenizer }: Parts,
  left: readonly string[],
  right: readonly string[],
): Promise<number[]> {
  if (tokenizer === null) throw new Error('a model without a tokenizer reads no texts');
  const inputs: unknown = tokenizer([...left], { text_pair: [...right], padding: true, truncation: true });
  const logits = logitsOf(await model(inputs));
  const width = logits.dims.at(-1) ?? 1;
  const values = logits.to('float32').data as Float32Array;
  return left.map((_, row) => values[row * width] ?? 0);
}

async function scoreFrames({ model, processor }: Parts, samples: Float32Array): Promise<FrameScores> {
  if (processor === null) throw new Error('a model without a processor hears nothing');
  const logits = logitsOf(await model(await processor(samples)));
  const [, frames = 0, tokens = 0] = logits.dims;
  return { scores: logits.to('float32').data as Float32Array, frames, tokens };
}

async function likeliestStart(
  { model, processor }: Parts,
  samples: Float32Array,
  among: readonly number[],
): Promise<number | null> {
  if (processor === null) throw new Error('a model without a processor hears nothing');
  const { input_features } = await processor(samples);
  const start = Number(model.generation_config?.decoder_start_token_id);
  const logits_processor = new LogitsProcessorList();
  logits_processor.push(new OnlyThese(new Set(among)));
  const written = await model.generate({
    inputs: input_features,
    decoder_input_ids: [[start]],
    max_new_tokens: 1,
    logits_processor,
  } as never);
  const first = Number((written as Tensor).tolist()[0]?.at(-1));
  return among.includes(first) ? first : null;
}

function logitsOf(output: unknown): Tensor {
  const logits = isJsonObject(output) ? output.logits : undefined;
  if (logits instanceof Tensor) return logits;
  throw new Error('the model gives no scores');
}
