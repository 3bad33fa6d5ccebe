import type { JsonObject } from '../model-files.ts';

/** What models are asked beside chats and vectors of texts; the names are the pipelines' of transformers.js, and `rerank`. */
export const TASKS = [
  'text-classification',
  'zero-shot-classification',
  'token-classification',
  'question-answering',
  'fill-mask',
  'rerank',
  'summarization',
  'translation',
  'text2text-generation',
  'image-classification',
  'zero-shot-image-classification',
  'object-detection',
  'zero-shot-object-detection',
  'image-segmentation',
  'background-removal',
  'depth-estimation',
  'image-to-image',
  'image-feature-extraction',
  'image-to-text',
  'document-question-answering',
  'automatic-speech-recognition',
  'audio-classification',
  'zero-shot-audio-classification',
  'text-to-audio',
] as const;
export type Task = (typeof TASKS)[number];

/** What the files of a model say that it can do. */
export type TaskKind = {
  /** The type of the jobs that it is meant for. */
  type: 'stt' | 'tts' | 'ocr' | 'task';
  /** The first is what it does when nothing is said. */
  tasks: readonly Task[];
  /** Its weights are several files, by their names without dtype and ending. */
  parts: readonly string[];
  hasTokenizer: boolean;
  /** Turns pictures or sound into numbers, as `preprocessor_config.json` says. */
  hasProcessor: boolean;
};

/** How a language model takes pictures; the name of the library's first model of that kind. */
const VISION_FAMILIES = ['llava', 'idefics3', 'qwen2_vl', 'gemma3'] as const;
export type VisionFamily = (typeof VISION_FAMILIES)[number];

/** A language model that reads pictures beside text. */
export type VisionKind = Omit<TaskKind, 'type' | 'tasks'> & {
  type: 'llm';
  tasks: readonly [typeof READS_PICTURES];
  family: VisionFamily;
};

/** What such a model is called among tasks; it is asked in chats. */
export const READS_PICTURES = 'image-text-to-text';

/** A model that paints what a text says. */
export type PainterKind = Omit<TaskKind, 'type' | 'tasks'> & { type: 'image'; tasks: readonly [typeof PAINTS] };

/** Its task. */
export const PAINTS = 'text-to-image';

export type ModelKind = TaskKind | VisionKind | PainterKind;

type Row = readonly [architecture: RegExp, type: TaskKind['type'], reads: 'text' | 'media' | 'both', ...tasks: Task[]];

const ONE_PART = ['model'];
const TWO_PARTS = ['encoder_model', 'decoder_model_merged'];
const VISION_PARTS = ['embed_tokens', 'vision_encoder', 'decoder_model_merged'];
const PAINTER: PainterKind = {
  type: 'image',
  tasks: ['text-to-image'],
  parts: ['prepare_inputs_embeds', 'language_model', 'lm_head', 'gen_head', 'gen_img_embeds', 'image_decode'],
  hasTokenizer: true,
  hasProcessor: true,
};
const VISION_FAMILY_OF: readonly (readonly [architecture: RegExp, family: VisionFamily])[] = [
  [/^LlavaForConditionalGeneration$/, 'llava'],
  [/^(Idefics3|SmolVLM)ForConditionalGeneration$/, 'idefics3'],
  [/^Qwen2(_5_)?VLForConditionalGeneration$/, 'qwen2_vl'],
  [/^Gemma3ForConditionalGeneration$/, 'gemma3'],
];
const AUDIO_ENCODERS = '(Wav2Vec2|Wav2Vec2Bert|UniSpeech|UniSpeechSat|WavLM|Hubert)';

/** By the architecture that a model's config names; the first row that fits counts. */
const ROWS: readonly Row[] = [
  [RegExp(`^(AST|${AUDIO_ENCODERS})For(Sequence|Audio)Classification$`), 'task', 'media', 'audio-classification'],
  [/ForSequenceClassification$/, 'task', 'text', 'text-classification'],
  [/ForTokenClassification$/, 'task', 'text', 'token-classification'],
  [/ForQuestionAnswering$/, 'task', 'text', 'question-answering'],
  [/ForCTC$/, 'stt', 'both', 'automatic-speech-recognition'],
  [/^(Whisper|LiteWhisper|Moonshine)ForConditionalGeneration$/, 'stt', 'both', 'automatic-speech-recognition'],
  [/^VitsModel$/, 'tts', 'text', 'text-to-audio'],
  [/^VisionEncoderDecoderModel$/, 'ocr', 'both', 'image-to-text'],
  [
    /^(T5|MT5|LongT5|Bart|MBart|M2M100|Blenderbot|BlenderbotSmall|Pegasus)ForConditionalGeneration$|^MarianMTModel$/,
    'task',
    'text',
    ...(['text2text-generation', 'translation', 'summarization'] as const),
  ],
  [/ForImageClassification(WithTeacher)?$/, 'task', 'media', 'image-classification'],
  [/^(OwlViT|Owlv2|GroundingDino)ForObjectDetection$/, 'task', 'both', 'zero-shot-object-detection'],
  [/ForObjectDetection$/, 'task', 'media', 'object-detection'],
  [/For(Semantic|Universal|Instance)?Segmentation$/, 'task', 'media', 'image-segmentation'],
  [/ForDepthEstimation$/, 'task', 'media', 'depth-estimation'],
  [/ForImageSuperResolution$/, 'task', 'media', 'image-to-image'],
  [/^(CLIP|ChineseCLIP|JinaCLIP|Siglip)Model$/, 'task', 'both', 'zero-shot-image-classification'],
  [/^ClapModel$/, 'task', 'both', 'zero-shot-audio-classification'],
  [
    /^(ViT|ViTMAE|ViTMSN|IJepa|DeiT|Beit|Dinov2|Dinov2WithRegisters|DINOv3ViT|DINOv3ConvNext|Swin|ConvNext|ConvNextV2|ResNet|Hiera)Model$/,
    ...(['task', 'media', 'image-feature-extraction'] as const),
  ],
];
/** Cut-out models carry no architecture that the library knows, only their type. */
const CUT_OUT = /^(modnet|birefnet|isnet|ben)$/;

/**
 * Reads a model's `config.json`; `null` for a model that does something else. `wanted` is the task that its owner chose,
 * where the files alone would not tell: text encoders say of themselves that they fill gaps.
 */
export function readTaskKind(config: JsonObject, wanted?: string): ModelKind | null {
  const architecture = Array.isArray(config.architectures) ? String(config.architectures[0] ?? '') : '';
  if (wanted === 'fill-mask' && /ForMaskedLM$/.test(architecture)) return kind(['fill-mask'], 'task', 'text', ONE_PART);
  if (CUT_OUT.test(String(config.model_type))) {
    return kind(['background-removal', 'image-segmentation'], 'task', 'media', ONE_PART);
  }
  const [, family] = VISION_FAMILY_OF.find(([pattern]) => pattern.test(architecture)) ?? [];
  if (family !== undefined) return visionKind(family);
  if (architecture === 'MultiModalityCausalLM') return PAINTER;
  const row = ROWS.find(([pattern]) => pattern.test(architecture));
  if (row === undefined) return null;
  const [, type, reads, ...tasks] = row;
  const parts =
    architecture === 'VisionEncoderDecoderModel' || isSequenceToSequence(architecture) ? TWO_PARTS : ONE_PART;
  return kind([...tasks, ...furtherTasks(config, tasks[0])], type, reads, parts);
}

function kind(
  tasks: readonly Task[],
  type: TaskKind['type'],
  reads: 'text' | 'media' | 'both',
  parts: readonly string[],
): TaskKind {
  return { type, tasks, parts, hasTokenizer: reads !== 'media', hasProcessor: reads !== 'text' };
}

function visionKind(family: VisionFamily): VisionKind {
  return { type: 'llm', tasks: [READS_PICTURES], family, parts: VISION_PARTS, hasTokenizer: true, hasProcessor: true };
}

function isSequenceToSequence(architecture: string): boolean {
  return /ForConditionalGeneration$|MTModel$/.test(architecture);
}

function furtherTasks(config: JsonObject, task: Task | undefined): Task[] {
  if (task === 'image-to-text') return isDonut(config) ? ['document-question-answering'] : [];
  if (task !== 'text-classification') return [];
  const labels = Object.values(labelsOf(config)).map((label) => label.toLowerCase());
  if (labels.includes('entailment')) return ['zero-shot-classification'];
  return labels.length === 1 ? ['rerank'] : [];
}

function isDonut({ encoder }: JsonObject): boolean {
  return String((encoder as JsonObject | undefined)?.model_type).startsWith('donut');
}

function labelsOf({ id2label }: JsonObject): Record<string, string> {
  return typeof id2label === 'object' && id2label !== null ? (id2label as Record<string, string>) : {};
}
