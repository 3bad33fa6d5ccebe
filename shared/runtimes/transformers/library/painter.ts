/** A part of the seam to transformers.js (see `environment.ts`): language models whose tokens are pictures (Janus). */
import {
  AutoProcessor,
  LogitsProcessorList,
  MultiModalityCausalLM,
  type Processor,
  type RawImage,
  type Tensor,
} from '@huggingface/transformers';
import type { TokenChooser } from '../decoding/decode-request.ts';
import { isJsonObject, type JsonObject, type ModelFiles } from '../model-files.ts';
import { Watch } from '../tasks/steering.ts';
import { type LoadOptions, pretrainedOptions, withVirtualId } from './environment.ts';
import { ChosenTokenOnly } from './generation.ts';
import { paced } from './pace.ts';
import type { Picture } from './pictures.ts';

export type Brush = {
  choose: TokenChooser | null;
  /** How much more the prompt counts than no prompt does; 1 is not at all, and half the work. */
  guidance: number;
  /** Asked after every token. */
  interrupted: () => boolean;
};

export type Painting = { picture: Picture; inputTokens: number; outputTokens: number };

export type Painter = {
  readonly generationDefaults: JsonObject;
  /** Width and height of every picture, in pixels, as its files say; null where they do not. */
  readonly side: number | null;
  /** What must not stand in a prompt, since a picture would. */
  readonly mark: string;
  /** One at a time. Null when it was interrupted. */
  paint(prompt: string, brush: Brush): Promise<Painting | null>;
  dispose(): Promise<void>;
};

type Inputs = { input_ids: Tensor };

/** Reads a model into memory; rejects with the library's own error. */
export function loadPainter(files: ModelFiles, options: LoadOptions): Promise<Painter> {
  return withVirtualId(files, async (id) => {
    const processor = await AutoProcessor.from_pretrained(id, {});
    const loaded = paced(await MultiModalityCausalLM.from_pretrained(id, pretrainedOptions(options)), options);
    const model = loaded as MultiModalityCausalLM;
    return {
      generationDefaults: isJsonObject(model.generation_config) ? { ...model.generation_config } : {},
      side: numberOf(processor.image_processor?.config, 'image_size'),
      mark: String(processor.config.image_tag ?? '<image_placeholder>'),
      paint: (prompt, brush) => paint(model, processor, prompt, brush),
      dispose: async () => void (await model.dispose()),
    };
  });
}

async function paint(
  model: MultiModalityCausalLM,
  processor: Processor,
  prompt: string,
  { choose, guidance, interrupted }: Brush,
): Promise<Painting | null> {
  const asked = [{ role: '<|User|>', content: prompt }];
  const inputs = (await processor(asked, { chat_template: 'text_to_image' })) as Inputs;
  const tokens = numberOf(processor.config, 'num_image_tokens') ?? 0;
  const processors = new LogitsProcessorList();
  if (choose !== null) processors.push(new ChosenTokenOnly(choose));
  const options = {
    ...inputs,
    max_new_tokens: tokens,
    // The number of tokens is that of a picture, whatever they are; and our own sampler takes them.
    eos_token_id: null,
    do_sample: false,
    guidance_scale: guidance,
    logits_processor: processors,
    streamer: new Watch(interrupted, () => undefined),
  };
  try {
    const [picture] = (await model.generate_images(options as never)) as RawImage[];
    if (picture === undefined) throw new Error('the model painted nothing');
    return { picture, inputTokens: inputs.input_ids.dims.at(-1) ?? 0, outputTokens: tokens };
  } catch (error) {
    if (interrupted()) return null;
    throw error;
  }
}

function numberOf(source: unknown, name: string): number | null {
  const value = isJsonObject(source) ? source[name] : undefined;
  return typeof value === 'number' ? value : null;
}
