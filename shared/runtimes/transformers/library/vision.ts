/** A part of the seam to transformers.js (see `environment.ts`): language models that read pictures beside text. */
import {
  AutoModelForImageTextToText,
  AutoProcessor,
  cat,
  type PreTrainedTokenizer,
  type Processor,
  Tensor,
} from '@huggingface/transformers';
import { Problem } from '../../../problems/problem.ts';
import { bytesToHex } from '../../../protocol/hex.ts';
import { inTemplate } from '../chat/in-template.ts';
import { messageInParts, messageWithMarks, readsParts } from '../chat/picture-parts.ts';
import { transcriptOf } from '../chat/prompt.ts';
import { isJsonObject, type JsonObject, type ModelFiles } from '../model-files.ts';
import type { VisionFamily } from '../tasks/task-kinds.ts';
import { type LoadOptions, pretrainedOptions, withVirtualId } from './environment.ts';
import { generateInLibrary, wantsLibrary } from './generation.ts';
import { endIds, type LanguageModel, type PicturePrompt } from './language-model.ts';
import { paced } from './pace.ts';
import { type Picture, readPictures } from './pictures.ts';
import { readTemplate, type TemplateMessage, withoutSeams, wrapTokenizer } from './tokenizer.ts';
import { imageTokenOf, openVisionLoop } from './vision-loop.ts';

/** Reads a model of this family into memory; rejects with the library's own error. */
export function loadVisionModel(files: ModelFiles, options: LoadOptions, family: VisionFamily): Promise<LanguageModel> {
  return withVirtualId(files, async (id) => {
    const processor = await AutoProcessor.from_pretrained(id, {});
    const raw = processor.tokenizer;
    if (raw === undefined) throw new Error('the processor of the model has no tokenizer');
    const tokenizer = wrapTokenizer(raw, await readTemplate(files));
    const model = paced(await AutoModelForImageTextToText.from_pretrained(id, pretrainedOptions(options)), options);
    const generationDefaults: JsonObject = isJsonObject(model.generation_config) ? { ...model.generation_config } : {};
    const decoding = wantsLibrary(generationDefaults) ? null : openVisionLoop(model, options);
    const mark = markOf(processor, family);
    const token = tokenOf(raw, model.config);
    const forTemplate = readsParts(tokenizer.template)
      ? messageInParts
      : (message: TemplateMessage) => messageWithMarks(message, mark);
    return {
      tokenizer: {
        ...tokenizer,
        encodeChat: (messages, ...more) => tokenizer.encodeChat(messages.map(forTemplate), ...more),
        renderChat: (messages, ...more) => tokenizer.renderChat(messages.map(forTemplate), ...more),
      },
      async readPictures(messages, tools, files, completion) {
        const pictures = await readPictures(files, 'messages');
        const digests = await Promise.all(files.map(digestOf));
        const render = (told: readonly TemplateMessage[]) =>
          tokenizer.renderChat(told.map(forTemplate), tools, completion?.variables);
        const { template } = tokenizer;
        const rendered =
          inTemplate(messages, { template, render, make: render }) ?? transcriptOf(messages.map(forTemplate));
        // The library's processors read a text as a whole.
        const text = withoutSeams(rendered) + (completion?.endOf(rendered) ?? '');
        assertMarks(text, { mark, token, pictures: pictures.length });
        return promptOf(await FAMILIES[family](processor, text, pictures), digests, raw);
      },
      generationDefaults,
      endIds: endIds(generationDefaults, model.config),
      async generate(promptIds, asked) {
        if (decoding !== null) return await decoding.generate(promptIds, asked);
        const feeds = asked.shown?.feeds ?? {};
        await Promise.all(asked.rows.map((row) => generateInLibrary(model, promptIds, row, feeds)));
        return 0;
      },
      warmSessions: () => decoding?.warmSessions() ?? [],
      async dispose() {
        await decoding?.close();
        await model.dispose();
      },
    };
  });
}

type Read = (processor: Processor, text: string, pictures: readonly Picture[]) => Promise<ReadPrompt>;
/** What the processor made, and how many tokens each picture is; `null` where all are as many. */
type ReadPrompt = { inputs: Record<string, unknown>; counts: readonly number[] | null };

/** A picture may be cut into tiles, each of as many tokens as the whole that comes with them. */
const readForIdefics: Read = async (processor, text, pictures) => {
  const inputs: Record<string, unknown> = await processor(text, pictures);
  const { rows, cols } = inputs as { rows?: number[][]; cols?: number[][] };
  const tokens = (processor.config as { image_seq_len?: number }).image_seq_len ?? 0;
  const counts = rows?.[0]?.map((count, at) => (count * (cols?.[0]?.[at] ?? 0) + 1) * tokens);
  return { inputs, counts: counts ?? null };
};

const readForGemma: Read = async (processor, text, pictures) => ({
  inputs: await processor(text, pictures),
  counts: null,
});

/** The library's own processor puts in the tokens of the first picture alone. */
const readForLlava: Read = async (processor, text, pictures) => {
  const seen = await processor.image_processor?.(pictures);
  if (!(seen?.pixel_values instanceof Tensor)) throw blind();
  const [height = 0, width = 0] = seen.pixel_values.dims.slice(-2);
  const { patch_size: patch = 1, num_additional_image_tokens: more = 0 } = processor.config as Record<string, number>;
  const tokens = Math.floor(height / patch) * Math.floor(width / patch) + more;
  const counts = pictures.map(() => tokens);
  return { inputs: { ...tokenize(processor, withTokens(text, markOf(processor, 'llava'), counts)), ...seen }, counts };
};

/** The library's own processor takes several pictures for the frames of one film. */
const readForQwen: Read = async (processor, text, pictures) => {
  const seen: { pixel_values: Tensor; image_grid_thw: Tensor }[] = [];
  for (const picture of pictures) seen.push(await processor.image_processor?.([picture]));
  const { merge_size: side = 2 } = (processor.image_processor?.config ?? {}) as { merge_size?: number };
  const grids = seen.map(({ image_grid_thw: grid }) => Array.from(grid.data as BigInt64Array, Number));
  const counts = grids.map(([frames = 1, rows = 0, columns = 0]) => (frames * rows * columns) / side ** 2);
  const inputs = {
    ...tokenize(processor, withTokens(text, markOf(processor, 'qwen2_vl'), counts)),
    pixel_values: joined(seen.map(({ pixel_values }) => pixel_values)),
    image_grid_thw: joined(seen.map(({ image_grid_thw }) => image_grid_thw)),
  };
  return { inputs, counts };
};

function joined(tensors: Tensor[]): Tensor {
  const [first] = tensors;
  if (first === undefined) throw blind();
  return tensors.length === 1 ? first : cat(tensors, 0);
}

function tokenize({ tokenizer }: Processor, text: string): object {
  return tokenizer?.(text) as object;
}

/** The text with so many tokens where the mark of each picture stands. */
function withTokens(text: string, mark: string, counts: readonly number[]): string {
  const [head = '', ...rest] = text.split(mark);
  return rest.reduce((made, part, at) => made + mark.repeat(counts[at] ?? 1) + part, head);
}

function blind(): Error {
  return new Error('the processor of the model reads no pictures');
}

const FAMILIES: Readonly<Record<VisionFamily, Read>> = {
  llava: readForLlava,
  idefics3: readForIdefics,
  qwen2_vl: readForQwen,
  gemma3: readForGemma,
};

/** What stands in a prompt for a picture before the tokens of the picture do. */
function markOf(processor: Processor, family: VisionFamily): string {
  if (family === 'qwen2_vl') return '<|image_pad|>';
  const own: unknown = family === 'gemma3' ? Reflect.get(processor, 'boi_token') : processor.config.image_token;
  return typeof own === 'string' ? own : '<image>';
}

/** What a token of a picture is called, wherever the mark stands for all of them. */
function tokenOf(tokenizer: PreTrainedTokenizer, config: object): string | null {
  const id = imageTokenOf(config);
  return id !== null ? tokenizer.decode([id], { skip_special_tokens: false }) : null;
}

type Marks = { mark: string; token: string | null; pictures: number };

/** Whoever writes such a word would make the model look for a picture that is not there. */
function assertMarks(text: string, { mark, token, pictures }: Marks): void {
  const marks = text.split(mark).length - 1;
  const forged = marks > pictures ? mark : token !== null && token !== mark && text.includes(token) ? token : null;
  if (forged === null && marks === pictures) return;
  const sentence =
    forged !== null
      ? `A message contains '${forged}', which stands for a picture here. Leave it out.`
      : `The model takes ${marks} of these ${pictures} pictures. Send fewer, or in one message of the user.`;
  throw new Problem('invalid_value', sentence, { param: 'messages' });
}

function promptOf(
  { inputs, counts }: ReadPrompt,
  digests: readonly string[],
  { bos_token_id: bos }: PreTrainedTokenizer,
): PicturePrompt {
  const { input_ids, attention_mask: _, ...feeds } = inputs;
  if (!(input_ids instanceof Tensor)) throw new Error('the processor of the model made no tokens');
  const ids = Array.from(input_ids.data as BigInt64Array, Number);
  const pictures = digests.map((digest, at) => ({ digest, tokens: counts?.[at] ?? null }));
  // Templates write the first token, and so do some tokenizers.
  return { ids: bos != null && ids[0] === bos && ids[1] === bos ? ids.slice(1) : ids, shown: { feeds, pictures } };
}

async function digestOf(file: Uint8Array): Promise<string> {
  // The cast only narrows the buffer type: these bytes were just decoded and are never shared memory.
  return bytesToHex(new Uint8Array(await crypto.subtle.digest('SHA-256', file as Uint8Array<ArrayBuffer>)));
}
