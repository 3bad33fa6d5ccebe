/**
 * Models that need no training, in transformers.js layout, written by code: a "llama" whose next token depends on the
 * last token and on the first one of the prompt (through a real KV cache), and an encoder that looks tokens up in a
 * table. Both speak single bytes, so that any text can be read and characters can be split between tokens.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ONNX_TYPE, onnxModel, onnxNode, onnxTensor } from './onnx-writer.ts';

/** From a piece to the pieces that may follow it, each with its score. */
export type Transitions = Record<string, readonly (readonly [to: string, logit: number])[]>;

export type BigramOptions = {
  /** Starts at `<assistant>`, ends at `<eos>`. Names come from `piece` and `bytePiece`. */
  transitions: Transitions;
  /** What the first character of the first message adds to the scores of every step. */
  firstCharacter?: Transitions;
  contextLength?: number;
  /** `null` writes no template. */
  chatTemplate?: string | null;
  generationConfig?: Record<string, unknown>;
  /** Further tokens that are no text: marks of calls and thoughts, as some families have them. */
  marks?: readonly string[];
};

const SPECIAL = ['<pad>', '<eos>', '<assistant>', '<turn>'];
const TEMPLATE =
  "{% for m in messages %}{{ m['content'] }}<turn>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
const HIDDEN = 4;

/** The name of a text as a token of its own. */
export function piece(text: string): string {
  return bytePiece(...new TextEncoder().encode(text));
}

/** The name of a token that stands for these bytes, which need not be whole characters. */
export function bytePiece(...bytes: number[]): string {
  return bytes.map((byte) => BYTE_NAMES[byte]).join('');
}

/** Pieces that follow each other; each may stand in one chain only. */
export function chain(pieces: readonly string[], from = '<assistant>', to = '<eos>'): Transitions {
  const path = [from, ...pieces, to];
  return Object.fromEntries(path.slice(0, -1).map((name, index) => [name, [[path[index + 1] ?? to, 10]] as const]));
}

/** Writes a language model and returns its folder. */
export async function writeBigramModel(root: string, id: string, options: BigramOptions): Promise<string> {
  const folder = join(root, ...id.split('/'));
  const names = [
    ...Object.keys(options.transitions),
    ...Object.values(options.transitions)
      .flat()
      .map(([to]) => to),
  ];
  const vocabulary = createVocabulary(names);
  await writeModelFiles(folder, id, {
    'config.json': {
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      hidden_size: HIDDEN,
      num_hidden_layers: 1,
      num_attention_heads: 1,
      num_key_value_heads: 1,
      head_dim: HIDDEN,
      vocab_size: vocabulary.size,
      max_position_embeddings: options.contextLength ?? 512,
      eos_token_id: vocabulary.get('<eos>'),
      pad_token_id: 0,
    },
    'generation_config.json': { eos_token_id: vocabulary.get('<eos>'), pad_token_id: 0, ...options.generationConfig },
    ...tokenizerFiles(
      vocabulary,
      options.chatTemplate === undefined ? TEMPLATE : options.chatTemplate,
      options.marks ?? [],
    ),
    'onnx/model.onnx': bigramGraph(
      vocabulary.size,
      scores(vocabulary, options.transitions),
      scores(vocabulary, options.firstCharacter ?? {}),
    ),
  });
  return folder;
}

export type TableEncoderOptions = { width: number; contextLength?: number; row: (byte: number) => readonly number[] };

/** Writes an encoder whose hidden state of a byte is `row(byte)`, wherever it stands. */
export async function writeTableEncoder(root: string, id: string, options: TableEncoderOptions): Promise<string> {
  const folder = join(root, ...id.split('/'));
  const vocabulary = createVocabulary([]);
  const table = new Float32Array(vocabulary.size * options.width);
  for (let byte = 0; byte < 256; byte++) table.set(options.row(byte), byteTokenId(byte) * options.width);
  await writeModelFiles(folder, id, {
    'config.json': {
      architectures: ['BertModel'],
      model_type: 'bert',
      hidden_size: options.width,
      vocab_size: vocabulary.size,
      max_position_embeddings: options.contextLength ?? 64,
    },
    ...tokenizerFiles(vocabulary, null),
    'onnx/model.onnx': onnxModel({
      nodes: [onnxNode('Gather', ['table', 'input_ids'], ['last_hidden_state'])],
      inputs: ['input_ids', 'attention_mask'].map((name) => ({
        name,
        type: ONNX_TYPE.int64,
        shape: ['batch_size', 'sequence_length'],
      })),
      outputs: [
        { name: 'last_hidden_state', type: ONNX_TYPE.float, shape: ['batch_size', 'sequence_length', options.width] },
      ],
      constants: [onnxTensor('table', [vocabulary.size, options.width], table)],
    }),
  });
  return folder;
}

/** The token that stands for one byte of text, in both kinds of model. */
export function byteTokenId(byte: number): number {
  return SPECIAL.length + byte;
}

/** Writes `digests.json` for whatever lies in the folder now. */
export async function sealModel(folder: string, id: string): Promise<void> {
  const files: Record<string, { sha256: string; sizeBytes: number }> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === 'digests.json') continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    const name = path.slice(folder.length + 1).replaceAll('\\', '/');
    files[name] = { sha256: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.length };
  }
  await writeFile(join(folder, 'digests.json'), JSON.stringify({ model: id, revision: 'test', files }, null, 2));
}

/** Writes a model's files and their digests; what is no bytes becomes JSON. */
export async function writeModelFiles(folder: string, id: string, files: Record<string, unknown>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content instanceof Uint8Array ? content : JSON.stringify(content));
  }
  await sealModel(folder, id);
}

/** GPT-2's names for the 256 bytes: printable ones stand for themselves, the others for characters from U+0100 on. */
const BYTE_NAMES: readonly string[] = (() => {
  const printable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
})();

/** Names and ids of the special tokens, the 256 bytes and some pieces. */
export function createVocabulary(pieces: readonly string[]): Map<string, number> {
  const names = new Set([...SPECIAL, ...BYTE_NAMES, ...pieces]);
  return new Map([...names].map((name, id) => [name, id]));
}

function scores(vocabulary: Map<string, number>, transitions: Transitions): Float32Array {
  const table = new Float32Array(vocabulary.size ** 2);
  for (const [from, targets] of Object.entries(transitions)) {
    for (const [to, logit] of targets) {
      table[(vocabulary.get(from) ?? 0) * vocabulary.size + (vocabulary.get(to) ?? 0)] = logit;
    }
  }
  return table;
}

/**
 * logits = next[last token] + first[first token of the whole context]. The cache holds every token's id, so the second
 * term is only right when the cache that comes in belongs to the same conversation.
 */
function bigramGraph(size: number, next: Float32Array, first: Float32Array): Uint8Array {
  const cache = (name: string, length: string) => ({
    name,
    type: ONNX_TYPE.float,
    shape: ['batch_size', 1, length, HIDDEN],
  });
  return onnxModel({
    nodes: [
      onnxNode('Gather', ['next', 'input_ids'], ['next_scores']),
      onnxNode('Cast', ['input_ids'], ['ids_as_float'], { to: ONNX_TYPE.float }),
      onnxNode('Unsqueeze', ['ids_as_float', 'axes_1_3'], ['ids_column']),
      onnxNode('Mul', ['ids_column', 'ones'], ['keys']),
      onnxNode('Concat', ['past_key_values.0.key', 'keys'], ['present.0.key'], { axis: 2 }),
      onnxNode('Concat', ['past_key_values.0.value', 'keys'], ['present.0.value'], { axis: 2 }),
      onnxNode('Slice', ['present.0.key', 'slice_start', 'slice_end', 'slice_axes'], ['first_key']),
      onnxNode('Reshape', ['first_key', 'shape_column'], ['first_id_as_float']),
      onnxNode('Cast', ['first_id_as_float'], ['first_id'], { to: ONNX_TYPE.int64 }),
      onnxNode('Gather', ['first', 'first_id'], ['first_scores']),
      onnxNode('Add', ['next_scores', 'first_scores'], ['logits']),
    ],
    inputs: [
      { name: 'input_ids', type: ONNX_TYPE.int64, shape: ['batch_size', 'sequence_length'] },
      { name: 'attention_mask', type: ONNX_TYPE.int64, shape: ['batch_size', 'total_length'] },
      cache('past_key_values.0.key', 'past_length'),
      cache('past_key_values.0.value', 'past_length'),
    ],
    outputs: [
      { name: 'logits', type: ONNX_TYPE.float, shape: ['batch_size', 'sequence_length', size] },
      cache('present.0.key', 'total_length'),
      cache('present.0.value', 'total_length'),
    ],
    constants: [
      onnxTensor('next', [size, size], next),
      onnxTensor('first', [size, size], first),
      onnxTensor('ones', [HIDDEN], new Float32Array(HIDDEN).fill(1)),
      onnxTensor('axes_1_3', [2], BigInt64Array.of(1n, 3n)),
      onnxTensor('slice_start', [3], BigInt64Array.of(0n, 0n, 0n)),
      onnxTensor('slice_end', [3], BigInt64Array.of(1n, 1n, 1n)),
      onnxTensor('slice_axes', [3], BigInt64Array.of(1n, 2n, 3n)),
      onnxTensor('shape_column', [2], BigInt64Array.of(-1n, 1n)),
    ],
  });
}

/** The two files of a tokenizer that knows single bytes; `null` leaves the chat template out. */
export function tokenizerFiles(
  vocabulary: Map<string, number>,
  chatTemplate: string | null = TEMPLATE,
  marks: readonly string[] = [],
): Record<string, unknown> {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  return {
    'tokenizer.json': {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: [...SPECIAL, ...marks].map((content) => ({
        id: vocabulary.get(content),
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      })),
      normalizer: null,
      pre_tokenizer: byteLevel,
      post_processor: null,
      decoder: byteLevel,
      model: { type: 'BPE', vocab: Object.fromEntries(vocabulary), merges: [] },
    },
    'tokenizer_config.json': {
      tokenizer_class: 'PreTrainedTokenizerFast',
      eos_token: '<eos>',
      pad_token: '<pad>',
      ...(chatTemplate === null ? {} : { chat_template: chatTemplate }),
    },
  };
}
