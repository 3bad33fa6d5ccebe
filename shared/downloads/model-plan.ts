import { isModelId, isSafeFile } from '../api/model-lock.ts';
import { Problem } from '../problems/problem.ts';
import { isJsonObject, type JsonObject } from '../runtimes/transformers/model-files.ts';
import { type ModelKind, readTaskKind } from '../runtimes/transformers/tasks/task-kinds.ts';
import type { WantedModel } from './wanted-model.ts';

/** The largest tokenizers have 40 MB; a file of this kind beyond that is there to fill a disk. */
const TEXT_MOST_BYTES = 256 * 1024 * 1024;
/** No machine of a pool loads more. */
const WEIGHTS_MOST_BYTES = 1024 ** 4;

/** What a model is made of; `parts` are its weights, by their names without dtype and ending. */
export type FilePlan = { required: readonly string[]; optional: readonly string[]; parts: readonly string[] };

export const CONFIG_FILE = 'config.json';
const TOKENIZER_FILES = ['tokenizer.json', 'tokenizer_config.json'];
const PROCESSOR_FILE = 'preprocessor_config.json';
const TEMPLATE_FILE = 'chat_template.jinja';
const OPTIONAL_FILES = ['generation_config.json', TEMPLATE_FILE, '1_Pooling/config.json'];

/** The files of a model that is to do `task`. Errors: `model_load_failed` for one that does not. */
export function planModel({ id, task }: WantedModel, config: JsonObject): FilePlan {
  const kind = readTaskKind(config, task);
  if (task === undefined || kind?.tasks.some((one) => one === task)) return planFiles(kind);
  const does = kind === null ? '' : ` It does ${kind.tasks.join(', ')}.`;
  throw new Problem('model_load_failed', `'${id}' does not do '${task}'.${does}`, { param: 'model' });
}

/** The files of a model of this kind; without one, of a language model or a text encoder. */
export function planFiles(kind: ModelKind | null): FilePlan {
  if (kind === null) return { required: [CONFIG_FILE, ...TOKENIZER_FILES], optional: OPTIONAL_FILES, parts: ['model'] };
  const required = [
    CONFIG_FILE,
    ...(kind.hasTokenizer ? TOKENIZER_FILES : []),
    ...(kind.hasProcessor ? [PROCESSOR_FILE] : []),
  ];
  const optional = ['generation_config.json', 'processor_config.json', ...(kind.type === 'llm' ? [TEMPLATE_FILE] : [])];
  return { required, optional, parts: kind.parts };
}

/** Every file that some model is made of, beside weights. */
export const KNOWN_FILES: readonly string[] = [
  CONFIG_FILE,
  ...TOKENIZER_FILES,
  PROCESSOR_FILE,
  'processor_config.json',
  ...OPTIONAL_FILES,
];
/** And every name of weights. */
export const KNOWN_PARTS: readonly string[] = [
  'model',
  'encoder_model',
  'decoder_model_merged',
  'embed_tokens',
  'vision_encoder',
  'prepare_inputs_embeds',
  'language_model',
  'lm_head',
  'gen_head',
  'gen_img_embeds',
  'image_decode',
];

const WEIGHTS_SUFFIX: Record<string, string> = {
  fp32: '',
  fp16: '_fp16',
  q8: '_quantized',
  int8: '_int8',
  uint8: '_uint8',
  q4: '_q4',
  q4f16: '_q4f16',
  bnb4: '_bnb4',
};

/** The shipped models are so small that fp32 costs nothing and gives the same answers on every machine. */
export const SHIPPED_DTYPES = ['fp32', 'q8'] as const;

/** Throws `model_not_found` for what cannot be the id of a model. */
export function assertModelId(id: string): void {
  if (isModelId(id)) return;
  throw new Problem('model_not_found', `'${id}' is not the id of a model; ids look like 'organisation/name'.`, {
    param: 'model',
  });
}

/** Throws `invalid_option` for a dtype that no weights file is named after. */
export function weightsFile(dtype: string, part = 'model'): string {
  const suffix = WEIGHTS_SUFFIX[dtype];
  if (suffix !== undefined) return `onnx/${part}${suffix}.onnx`;
  const known = Object.keys(WEIGHTS_SUFFIX).join(', ');
  throw new Problem('invalid_option', `There is no dtype '${dtype}'. Use one of ${known}.`);
}

/** Throws `model_download_failed` for a name that leaves the model's folder, or a format that is more than data. */
export function assertSafeFormat(name: string): void {
  if (isSafeFile(name)) return;
  throw new Problem('model_download_failed', `'${name}' is of a kind that could run code; it is not downloaded.`);
}

export function mostBytesOf(name: string): number {
  return /\.onnx(_data(_\d+)?)?$/.test(name) ? WEIGHTS_MOST_BYTES : TEXT_MOST_BYTES;
}

/** External data files that belong to a weights file, as transformers.js reads them from the model's config. */
export function externalDataFiles(config: JsonObject, weights: string): string[] {
  const settings = isJsonObject(config['transformers.js_config']) ? config['transformers.js_config'] : {};
  const format = settings.use_external_data_format;
  const fileName = weights.split('/').at(-1) ?? '';
  const declared = isJsonObject(format) ? (format[fileName] ?? format.model ?? 0) : format;
  const count = Math.min(Number(declared ?? 0), 100);
  return Array.from({ length: count }, (_, index) => `${weights}_data${index === 0 ? '' : `_${index}`}`);
}
