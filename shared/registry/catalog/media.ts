import { Type } from 'typebox';
import {
  defineServices,
  fileMembers,
  MADE_FILE,
  MODEL,
  MODELS,
  OneOf,
  Optional,
  SAMPLING,
  Text,
  toolFileMembers,
  Whole,
} from './define.ts';

const File = {
  file: MADE_FILE,
  media_type: Type.String(),
  duration_s: Optional(Type.Number({ minimum: 0 })),
};
const Seconds = Type.Number({ minimum: 0, maximum: 86_400, description: 'Seconds from the beginning' });

const FFMPEG = { tools: ['ffmpeg'], note: 'A node whose owner has ffmpeg installed and lets it be used.' };
const BLENDER = { tools: ['blender'], note: 'A node whose owner has Blender installed and lets it be used.' };

export const MEDIA = defineServices('media', [
  {
    id: 'ffmpeg/transcode',
    title: 'Transcoding of video and audio',
    description: 'Changes container, codecs, size and bit rate of a file.',
    input: {
      ...toolFileMembers('file', 'The file'),
      container: OneOf(['mp4', 'webm', 'mkv', 'mp3', 'ogg', 'wav', 'flac'], 'Form of the result'),
      video_codec: Optional(Type.Enum(['h264', 'h265', 'vp9', 'av1', 'copy', 'none'])),
      audio_codec: Optional(Type.Enum(['aac', 'opus', 'mp3', 'flac', 'copy', 'none'])),
      width: Optional(Type.Integer({ minimum: 16, maximum: 7_680, multipleOf: 2 })),
      height: Optional(Type.Integer({ minimum: 16, maximum: 4_320, multipleOf: 2 })),
      video_bitrate_kbps: Optional(Whole(50, 200_000, 'Kilobits per second')),
      audio_bitrate_kbps: Optional(Whole(8, 1_024, 'Kilobits per second')),
    },
    oneOf: ['file', 'file_id'],
    output: File,
    runtime: { type: 'ffmpeg' },
    requirements: FFMPEG,
    price_unit: 'video_second',
    examples: [
      { input: { file_id: 'file_0192mz0sqk00000000000000', container: 'mp4', video_codec: 'h264', width: 1280 } },
    ],
  },
  {
    id: 'ffmpeg/extract-audio',
    title: 'Sound of a video',
    description: 'Takes the sound out of a video.',
    input: {
      ...toolFileMembers('file', 'The video'),
      codec: OneOf(['mp3', 'opus', 'flac', 'wav'], 'Form of the sound'),
    },
    oneOf: ['file', 'file_id'],
    output: File,
    runtime: { type: 'ffmpeg' },
    requirements: FFMPEG,
    price_unit: 'audio_second',
    examples: [{ input: { file_id: 'file_0192mz0sqk00000000000000', codec: 'flac' } }],
  },
  {
    id: 'ffmpeg/thumbnail',
    title: 'Still of a video',
    description: 'Takes one picture out of a video.',
    input: {
      ...toolFileMembers('file', 'The video'),
      at_s: Optional(Seconds),
      width: Optional(Whole(16, 4_096, 'Pixels')),
      format: OneOf(['jpeg', 'png', 'webp'], 'Form of the picture'),
    },
    oneOf: ['file', 'file_id'],
    output: { file: File.file, media_type: File.media_type },
    runtime: { type: 'ffmpeg' },
    requirements: FFMPEG,
    price_unit: 'job',
    examples: [{ input: { file_id: 'file_0192mz0sqk00000000000000', at_s: 12.5, width: 640 } }],
  },
  {
    id: 'blender/render',
    title: 'Rendering of a 3D scene',
    description: 'Renders frames of a Blender file.',
    input: {
      ...toolFileMembers('scene', 'The .blend file'),
      engine: OneOf(['cycles', 'eevee'], 'Engine that renders'),
      first_frame: Optional(Type.Integer({ minimum: 0, default: 1 })),
      last_frame: Optional(Type.Integer({ minimum: 0 })),
      width: Optional(Whole(16, 8_192, 'Pixels')),
      height: Optional(Whole(16, 8_192, 'Pixels')),
      samples: Optional(Whole(1, 16_384, 'Rays per pixel')),
      denoise: Optional(
        Type.Enum(['on', 'off'], {
          description: 'By default as the scene says, where the Blender of the node has a denoiser',
        }),
      ),
      format: OneOf(['png', 'exr', 'jpeg'], 'Form of the frames'),
    },
    oneOf: ['scene', 'file_id'],
    output: { frames: Type.Array(MADE_FILE), media_type: Type.String() },
    runtime: { type: 'blender' },
    requirements: { ...BLENDER, memory_bytes: 4 * 2 ** 30 },
    price_unit: 'frame',
    examples: [{ input: { file_id: 'file_0192mz0sqk00000000000000', engine: 'cycles', samples: 128, width: 1920 } }],
  },
  {
    id: 'image/upscale',
    title: 'Enlarging of a picture',
    description: 'Makes a picture larger and keeps it sharp.',
    input: { ...fileMembers('image', 'The picture'), factor: Optional(Type.Enum([2, 4], { default: 2 })) },
    oneOf: ['image', 'file_id', 'url'],
    output: { image: Type.String({ contentEncoding: 'base64' }), media_type: Type.String() },
    runtime: { type: 'super-resolution' },
    requirements: { gpu_memory_bytes: 2 * 2 ** 30 },
    price_unit: 'image',
    examples: [{ input: { url: 'https://files.example/small.png', factor: 4 } }],
  },
  {
    id: 'media/captions',
    title: 'Captions of a recording',
    description: 'Writes down what is said in a recording, with the time of every sentence.',
    input: {
      ...MODEL,
      ...fileMembers('audio', 'The recording'),
      language: Optional(Type.String({ pattern: '^[a-z]{2,3}$' })),
    },
    oneOf: ['audio', 'file_id', 'url'],
    output: {
      segments: Type.Array(Type.Object({ start_s: Type.Number(), end_s: Type.Number(), text: Type.String() })),
    },
    runtime: { type: 'stt' },
    requirements: { note: 'A speech model that tells when each sentence was said.' },
    default_model: MODELS.whisper,
    price_unit: 'audio_second',
    examples: [
      {
        input: { url: 'https://files.example/talk.mp3', language: 'en' },
        output: { segments: [{ start_s: 0, end_s: 1.4, text: 'Good morning.' }] },
      },
    ],
  },
  {
    id: 'media/describe-clip',
    title: 'Title and tags of a recording',
    description: 'Finds a title, a description and tags for a recording from its transcript.',
    input: { ...SAMPLING, transcript: Text('What is said in it') },
    output: {
      title: Type.String({ maxLength: 100 }),
      description: Type.String({ maxLength: 500 }),
      tags: Type.Array(Type.String({ maxLength: 32 }), { maxItems: 8 }),
    },
    runtime: {
      type: 'llm',
      answer: 'json',
      prompt: {
        user: 'Give a title, a short description and tags for the recording with this transcript.\n\n{transcript}',
      },
    },
    default_model: MODELS.chat,
    price_unit: 'token',
    examples: [
      {
        input: { transcript: 'Today we plant tomatoes in pots.' },
        output: { title: 'Tomatoes in pots', description: 'How to plant tomatoes.', tags: ['garden', 'tomatoes'] },
      },
    ],
  },
]);
