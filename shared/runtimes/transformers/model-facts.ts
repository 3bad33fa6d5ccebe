import { isJsonObject, type JsonObject } from './model-files.ts';
import { type ModelKind, readTaskKind } from './tasks/task-kinds.ts';

/** What can be said of a model from its JSON files alone, before any weights are read. */
export type ModelFacts = {
  type: 'embed' | ModelKind['type'];
  /** What it does where it is neither a language model of text alone nor a text encoder. */
  kind: ModelKind | null;
  /** Longest prompt plus answer in tokens. */
  contextLength: number;
  /** Length of a vector; embedding models only. */
  dimensions: number | null;
};

/** The shortest context of any model in use today: a model that says nothing is not trusted with more. */
const UNKNOWN_CONTEXT_LENGTH = 2_048;
/** Tokenizers write "no limit" as 10^30; no model reads this many tokens. */
const NO_LIMIT = 100_000_000;

/** Reads a model's `config.json` and `tokenizer_config.json`; `null` for a kind of model that is not served yet. */
export function readModelFacts(config: JsonObject, tokenizerConfig: JsonObject, task?: string): ModelFacts | null {
  const kind = readTaskKind(config, task);
  const type = kind?.type ?? modelType(config);
  if (type === null) return null;
  return {
    type,
    kind,
    contextLength: contextLength(config, tokenizerConfig),
    dimensions: type === 'embed' ? (firstCount(config, ['hidden_size', 'd_model', 'dim', 'n_embd']) ?? null) : null,
  };
}

function modelType(config: JsonObject): 'llm' | 'embed' | null {
  const architecture = Array.isArray(config.architectures) ? String(config.architectures[0] ?? '') : '';
  if (/For(CausalLM)$|LMHeadModel$/.test(architecture)) return 'llm';
  if (config.is_encoder_decoder === true) return null;
  // Sentence encoders carry the bare model or the head they were pretrained with; their export has hidden states.
  return /Model$|ForMaskedLM$|^$/.test(architecture) ? 'embed' : null;
}

function contextLength(config: JsonObject, tokenizerConfig: JsonObject): number {
  const keys = ['max_position_embeddings', 'n_positions', 'n_ctx', 'max_seq_len', 'seq_length'];
  const nested = isJsonObject(config.text_config) ? config.text_config : {};
  const positions = firstCount(config, keys) ?? firstCount(nested, keys);
  const declared = firstCount(tokenizerConfig, ['model_max_length']);
  const known = [positions, declared].filter((value) => value !== undefined && value < NO_LIMIT);
  return known.length === 0 ? UNKNOWN_CONTEXT_LENGTH : Math.min(...(known as number[]));
}

function firstCount(source: JsonObject, keys: readonly string[]): number | undefined {
  for (const key of keys) {
    const value = source[key];
    if (typeof value === 'number' && value >= 1) return Math.floor(value);
  }
  return undefined;
}
