import { Problem } from '../../problems/problem.ts';
import { isServiceType } from '../../protocol/subjects.ts';
import { deviceProblem } from '../devices/device-problem.ts';
import { memoryProblem } from '../memory-problem.ts';
import type { RuntimeJob, RuntimeOutput, RuntimeResult } from '../runtime.ts';
import { createChat } from './chat/chat.ts';
import { createEmbedder, type EncoderSettings } from './embedding/embeddings.ts';
import { readPooling } from './embedding/pooling.ts';
import { type EncoderModel, loadEncoder } from './library/encoder.ts';
import type { LoadOptions } from './library/environment.ts';
import { type LanguageModel, loadLanguageModel } from './library/language-model.ts';
import { loadPainter } from './library/painter.ts';
import { loadVisionModel } from './library/vision.ts';
import { type ModelFacts, readModelFacts } from './model-facts.ts';
import { isJsonObject, type JsonObject, type ModelFiles } from './model-files.ts';
import { createPaintingEngine } from './painting.ts';
import { createTaskEngine } from './tasks/task-engine.ts';
import type { TaskKind } from './tasks/task-kinds.ts';
import { loadTaskModel } from './tasks/task-model.ts';

/** What the engine adds to a job's result; the host knows revision and digest. */
export type EngineResult = Omit<RuntimeResult, 'execution'>;

/** A model in memory. Jobs may run at the same time: they take turns, token by token. */
export type LoadedModel = {
  /** Resolves early, with what was made so far, once `interrupted` answers yes. */
  run(job: RuntimeJob, output: RuntimeOutput, interrupted: () => boolean): Promise<EngineResult>;
  dispose(): Promise<void>;
};

/**
 * Reads a model into memory.
 *
 * Errors: `model_files_missing` when a JSON file is absent, `model_load_failed` when the model is of a kind that is not
 * served or the inference library refuses it, `node_out_of_memory`, `device_missing`, `device_lost`.
 */
export async function loadModel(files: ModelFiles, options: LoadOptions): Promise<LoadedModel> {
  const config = await readJson(files, 'config.json');
  const facts = readModelFacts(config, await readJson(files, 'tokenizer_config.json', {}), options.task);
  if (facts === null) {
    throw new Problem('model_load_failed', 'This is a kind of model that is not served.');
  }
  try {
    const { kind } = facts;
    if (kind?.type === 'image') return await loadPainting(files, options);
    if (kind !== null && kind.type !== 'llm') return await loadTasks(files, options, config, kind, facts.contextLength);
    return facts.type === 'llm'
      ? await loadChat(files, options, facts)
      : await loadEmbed(files, options, config, facts);
  } catch (error) {
    if (error instanceof Problem) throw error;
    const known = memoryProblem(error) ?? deviceProblem(error);
    if (known !== null) throw known;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Problem('model_load_failed', `The inference library cannot load the model: ${reason}`, { cause: error });
  }
}

async function loadChat(
  files: ModelFiles,
  options: LoadOptions,
  { kind, contextLength }: ModelFacts,
): Promise<LoadedModel> {
  const model: LanguageModel =
    kind?.type === 'llm' ? await loadVisionModel(files, options, kind.family) : await loadLanguageModel(files, options);
  const chat = createChat(model, contextLength);
  return {
    dispose: () => model.dispose(),
    async run(job, output, interrupted) {
      if (job.type !== 'llm') throw wrongType(job);
      const { scope = null, session = null, fetched, reasoningApart = false } = job;
      const result = await chat(job.input, output, interrupted, { scope, session, fetched, reasoningApart });
      return session === null ? result : { ...result, warmSessions: model.warmSessions() };
    },
  };
}

async function loadEmbed(
  files: ModelFiles,
  options: LoadOptions,
  config: JsonObject,
  facts: ModelFacts,
): Promise<LoadedModel> {
  const model: EncoderModel = await loadEncoder(files, options);
  const settings: EncoderSettings = {
    contextLength: facts.contextLength,
    dimensions: facts.dimensions ?? 0,
    vocabularySize: typeof config.vocab_size === 'number' ? config.vocab_size : Number.POSITIVE_INFINITY,
    pooling: readPooling(await readJson(files, '1_Pooling/config.json', {})),
  };
  const embed = createEmbedder(model, settings);
  return {
    dispose: () => model.dispose(),
    async run(job, output, interrupted) {
      if (job.type !== 'embed') throw wrongType(job);
      const usage = await embed(job.input, output.vectors, interrupted);
      return { finishReason: 'stop', usage };
    },
  };
}

async function loadPainting(files: ModelFiles, options: LoadOptions): Promise<LoadedModel> {
  const painter = await loadPainter(files, options);
  const paint = createPaintingEngine(painter);
  return {
    dispose: () => painter.dispose(),
    async run(job, _output, interrupted) {
      if (job.type !== 'image' && job.type !== 'task') throw wrongType(job);
      return await paint(job.input, interrupted);
    },
  };
}

async function loadTasks(
  files: ModelFiles,
  options: LoadOptions,
  config: JsonObject,
  kind: TaskKind,
  contextLength: number,
): Promise<LoadedModel> {
  const model = await loadTaskModel(files, options, kind, config, contextLength);
  const run = createTaskEngine(model);
  return {
    dispose: () => model.dispose(),
    async run(job, output, interrupted) {
      const { type, model: name, input } = job;
      if (type === 'llm' || type === 'embed' || isServiceType(type)) throw wrongType(job);
      const tell = (text: string): void => output.text(text, model.countTokens(text) - model.countTokens(''));
      return await run({ type, model: name, input }, interrupted, job.stream === true ? tell : undefined);
    },
  };
}

function wrongType(job: RuntimeJob): Problem {
  const wanted = job.type === 'llm' ? 'answer chats' : job.type === 'embed' ? 'embed text' : 'do this';
  return new Problem('invalid_value', `The model '${job.model}' cannot ${wanted}. Choose another model.`, {
    param: 'model',
  });
}

async function readJson(files: ModelFiles, name: string, fallback?: JsonObject): Promise<JsonObject> {
  const file = await files.open(name);
  if (file === null || !('bytes' in file)) {
    if (fallback !== undefined) return fallback;
    throw new Problem('model_files_missing', `The model has no ${name}. Remove its folder and start again.`);
  }
  const value = parseJson(new TextDecoder().decode(file.bytes));
  if (isJsonObject(value)) return value;
  throw new Problem(
    'model_files_corrupt',
    `The model's ${name} is not a JSON object. Remove its folder and start again.`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
