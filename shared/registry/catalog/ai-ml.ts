import { Type } from 'typebox';
import { defineServices, fileMembers, MODEL, MODELS, OneOf, Optional, SAMPLING, Text, Whole } from './define.ts';

const Message = Type.Object(
  { role: Type.Enum(['system', 'user', 'assistant']), content: Type.String() },
  { additionalProperties: false },
);
const Segments = Type.Array(Type.Object({ start_s: Type.Number(), end_s: Type.Number(), text: Type.String() }));

const LANGUAGE = defineServices('ai-ml', [
  {
    id: 'llm/inference',
    title: 'Text generation',
    description: 'Answers a prompt or a conversation. For streams and tools use /v1/chat/completions.',
    input: {
      ...SAMPLING,
      prompt: Optional(Text('One message of a user')),
      messages: Optional(Type.Array(Message, { minItems: 1, maxItems: 1_000 })),
      top_p: Optional(Type.Number({ minimum: 0, maximum: 1 })),
      stop: Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: 4 })),
    },
    oneOf: ['prompt', 'messages'],
    runtime: { type: 'llm' },
    default_model: MODELS.chat,
    price_unit: 'token',
    examples: [
      { input: { prompt: 'What is 17 + 25?', max_tokens: 16 }, output: { text: '42', finish_reason: 'stop' } },
      { input: { messages: [{ role: 'user', content: 'Name a prime number.' }], temperature: 0 } },
    ],
  },
  {
    id: 'llm/summarize',
    title: 'Summary of a text',
    description: 'Says in a few sentences what a text says.',
    input: {
      ...SAMPLING,
      text: Text('The text'),
      sentences: Optional(Type.Integer({ minimum: 1, maximum: 20, default: 3 })),
    },
    runtime: {
      type: 'llm',
      prompt: {
        system: 'You summarize texts faithfully and add nothing of your own.',
        user: 'Summarize the following text in at most {sentences} sentences.\n\n{text}',
      },
    },
    default_model: MODELS.chat,
    price_unit: 'token',
    examples: [
      {
        input: { text: 'The relay routes each job to the best node and keeps a receipt.', sentences: 1 },
        output: { text: 'The relay routes jobs and keeps receipts.', finish_reason: 'stop' },
      },
    ],
  },
  {
    id: 'llm/translate',
    title: 'Translation of a text',
    description: 'Translates a text into another language.',
    input: {
      ...SAMPLING,
      text: Text('The text'),
      to: Text('Language to translate into, as its English name', 64),
      from: Optional(Type.String({ minLength: 1, maxLength: 64, default: 'its own language' })),
    },
    runtime: {
      type: 'llm',
      prompt: {
        system: 'You are a translator. Answer with the translation alone.',
        user: 'Translate the following text from {from} into {to}.\n\n{text}',
      },
    },
    default_model: MODELS.chat,
    price_unit: 'token',
    examples: [
      { input: { text: 'Good morning.', to: 'German' }, output: { text: 'Guten Morgen.', finish_reason: 'stop' } },
    ],
  },
  {
    id: 'embed/text',
    title: 'Vectors of texts',
    description: 'Turns texts into vectors whose nearness is nearness of meaning.',
    input: {
      ...MODEL,
      input: Type.Union([Text('One text'), Type.Array(Text('A text'), { minItems: 1, maxItems: 2_048 })]),
      dimensions: Optional(Whole(1, 65_536, 'Length of the vectors, where the model lets one choose')),
    },
    runtime: { type: 'embed', answer: 'vectors' },
    default_model: MODELS.embed,
    price_unit: 'token',
    examples: [
      { input: { input: ['a spare GPU', 'an idle graphics card'] } },
      { input: { input: 'one text' }, output: { embeddings: [[0.6, 0.8]], dimensions: 2 } },
    ],
  },
]);

const SENSES = defineServices('ai-ml', [
  {
    id: 'whisper/transcribe',
    title: 'Transcription of speech',
    description: 'Writes down what is said in a recording, on a Whisper model.',
    input: {
      ...MODEL,
      ...fileMembers('audio', 'The recording'),
      language: Optional(
        Type.String({ pattern: '^[a-z]{2,3}$', description: 'ISO 639; heard from the recording when absent' }),
      ),
      task: OneOf(['transcribe', 'translate'], 'translate is into English'),
      timestamps: Optional(Type.Boolean({ default: false })),
    },
    oneOf: ['audio', 'file_id', 'url'],
    output: { text: Type.String(), language: Optional(Type.String()), segments: Optional(Segments) },
    runtime: { type: 'stt' },
    requirements: { models: ['*whisper*'] },
    default_model: MODELS.whisper,
    price_unit: 'audio_second',
    examples: [{ input: { url: 'https://files.example/speech.wav', language: 'en' }, output: { text: 'Hello.' } }],
  },
  {
    id: 'stable-diffusion/generate',
    title: 'Picture of a text',
    description: 'Paints a picture of what a text describes, on a Stable Diffusion model.',
    input: {
      ...MODEL,
      prompt: Text('What to paint', 4_000),
      negative_prompt: Optional(Text('What to leave out', 4_000)),
      width: Optional(Type.Integer({ minimum: 64, maximum: 2_048, multipleOf: 8, default: 512 })),
      height: Optional(Type.Integer({ minimum: 64, maximum: 2_048, multipleOf: 8, default: 512 })),
      steps: Optional(Whole(1, 150, 'Steps of denoising')),
      guidance: Optional(Type.Number({ minimum: 0, maximum: 30 })),
      seed: Optional(Type.Integer({ minimum: 0 })),
    },
    output: {
      image: Type.String({ contentEncoding: 'base64' }),
      media_type: Type.String(),
      seed: Optional(Type.Integer()),
    },
    runtime: { type: 'image' },
    requirements: { models: ['*stable-diffusion*', '*/sd-*', '*sdxl*'], gpu_memory_bytes: 4 * 2 ** 30 },
    default_model: MODELS.image,
    price_unit: 'image',
    examples: [{ input: { prompt: 'a lighthouse at dusk, oil on canvas', width: 512, height: 512, seed: 7 } }],
  },
  {
    id: 'janus/generate',
    title: 'Picture of a text, token by token',
    description: 'Paints a picture of what a text describes, on a Janus model, in the one size of the model.',
    input: {
      ...MODEL,
      prompt: Text('What to paint', 4_000),
      seed: Optional(Type.Integer({ minimum: 0 })),
      temperature: Optional(Type.Number({ minimum: 0, maximum: 2 })),
      guidance: Optional(Type.Number({ minimum: 1, maximum: 30, description: 'How much more the text counts' })),
    },
    output: {
      image: Type.String({ contentEncoding: 'base64' }),
      media_type: Type.String(),
      width: Type.Integer(),
      height: Type.Integer(),
      seed: Type.Integer(),
    },
    runtime: { type: 'image' },
    requirements: { models: ['*janus*', '*Janus*'] },
    default_model: MODELS.painter,
    price_unit: 'image',
    examples: [{ input: { prompt: 'a lighthouse at dusk, oil on canvas', seed: 7 } }],
  },
  {
    id: 'speech/synthesize',
    title: 'Speech of a text',
    description: 'Speaks a text.',
    input: { ...MODEL, text: Text('What to say', 20_000), voice: Optional(Text('Voice of the model', 64)) },
    output: { audio: Type.String({ contentEncoding: 'base64' }), media_type: Type.String() },
    runtime: { type: 'tts' },
    default_model: MODELS.speech,
    price_unit: 'character',
    examples: [{ input: { text: 'The job is done.' }, output: { audio: 'UklGRg==', media_type: 'audio/wav' } }],
  },
  {
    id: 'ocr/read',
    title: 'Text in a picture',
    description: 'Reads the writing in a picture.',
    input: {
      ...MODEL,
      ...fileMembers('image', 'The picture'),
      language: Optional(Type.String({ pattern: '^[a-z]{2,3}$' })),
    },
    oneOf: ['image', 'file_id', 'url'],
    output: { text: Type.String() },
    runtime: { type: 'ocr' },
    default_model: MODELS.ocr,
    price_unit: 'page',
    examples: [{ input: { url: 'https://files.example/receipt.png' }, output: { text: 'Total 12.50' } }],
  },
  {
    id: 'training/fine-tune-lora',
    title: 'Fine-tuning of a language model',
    description: 'Trains an adapter for a language model on pairs of prompts and answers.',
    input: {
      base_model: Text('Model to adapt', 256),
      examples: Type.Array(
        Type.Object({ prompt: Text('Prompt'), answer: Text('Answer') }, { additionalProperties: false }),
        { minItems: 8, maxItems: 100_000 },
      ),
      rank: Optional(Type.Integer({ minimum: 1, maximum: 256, default: 16 })),
      epochs: Optional(Type.Integer({ minimum: 1, maximum: 50, default: 3 })),
    },
    output: { adapter: Type.String({ contentEncoding: 'base64' }), loss: Type.Number() },
    runtime: { type: 'lora-training' },
    requirements: { gpu_memory_bytes: 12 * 2 ** 30 },
    price_unit: 'gpu_second',
    examples: [
      {
        input: {
          base_model: 'HuggingFaceTB/SmolLM2-135M-Instruct',
          examples: Array.from({ length: 8 }, (_, at) => ({ prompt: `${at} + 1 = ?`, answer: String(at + 1) })),
        },
      },
    ],
  },
]);

/** The capability types of the fabric in their open form, which every receipt of `/v1/capability/…` names. */
const OPEN = (
  [
    ['stt', 'Speech to text', 'audio_second', { url: 'https://files.example/speech.wav' }],
    ['tts', 'Text to speech', 'character', { text: 'The job is done.' }],
    ['ocr', 'Pictures to text', 'page', { url: 'https://files.example/receipt.png' }],
    ['image', 'Text to pictures', 'image', { prompt: 'a lighthouse at dusk' }],
    ['task', 'Any task of a model', 'job', { task: 'text-classification', text: 'I like it.' }],
  ] as const
).map(([type, title, price_unit, input]) => ({
  id: `capability/${type}`,
  category: 'ai-ml' as const,
  title,
  description: `Any job of the type "${type}" in the form that the node's own model takes; as POST /v1/capability/${type}.`,
  input: { type: 'object', properties: { model: { type: 'string', minLength: 1, maxLength: 256 } } },
  output: { type: 'object' },
  runtime: { type },
  requirements: {},
  default_model: null,
  price_unit,
  examples: [{ input }],
}));

export const AI_ML = [...LANGUAGE, ...SENSES, ...OPEN];
