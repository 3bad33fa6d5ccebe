import { type Static, Type } from 'typebox';
import { Maybe } from './nullable.ts';
import { RoutingRequest } from './routing.ts';

const Seconds = Type.Number({ minimum: 0, description: 'Seconds from the beginning' });
const Model = Type.String({ minLength: 1, maxLength: 256 });

export const TRANSCRIPT_FORMATS = ['json', 'text', 'srt', 'verbose_json', 'vtt'] as const;
export type TranscriptFormat = (typeof TRANSCRIPT_FORMATS)[number];

/** The parts of the form of `POST /v1/audio/transcriptions` and `translations`; in any order. */
export const TranscriptionForm = Type.Object(
  {
    file: Type.String({
      contentMediaType: 'application/octet-stream',
      description: 'The recording, as wav, mp3, flac, ogg or webm; AAC (m4a, mp4) where the node can decode it',
    }),
    model: Model,
    language: Type.Optional(Type.String({ description: 'ISO 639-1' })),
    response_format: Type.Optional(Type.Enum([...TRANSCRIPT_FORMATS])),
    'timestamp_granularities[]': Type.Optional(Type.Array(Type.Enum(['word', 'segment']))),
    stream: Type.Optional(
      Type.Boolean({
        description:
          'The text as server-sent events while it is heard: `transcript.text.delta`, in the end `transcript.text.done`. ' +
          'For response_format json and text',
      }),
    ),
  },
  {
    additionalProperties: true,
    examples: [{ file: 'RIFF…', model: 'onnx-community/whisper-base', response_format: 'json' }],
  },
);

export const TranscriptSegment = Type.Object({
  id: Type.Integer({ minimum: 0 }),
  seek: Type.Literal(0),
  start: Seconds,
  end: Seconds,
  text: Type.String(),
  temperature: Type.Literal(0),
});
export type TranscriptSegment = Static<typeof TranscriptSegment>;

const DurationUsage = Type.Object({ type: Type.Literal('duration'), seconds: Type.Integer({ minimum: 0 }) });

/** What is said in a recording; all but `text` and `usage` in `verbose_json` alone. */
export const TranscriptionResponse = Type.Object({
  text: Type.String(),
  usage: DurationUsage,
  task: Type.Optional(Type.String()),
  language: Type.Optional(Type.String({ description: 'As it was asked for; `und` when it was not' })),
  duration: Type.Optional(Type.Number({ minimum: 0 })),
  segments: Type.Optional(Type.Array(TranscriptSegment)),
  words: Type.Optional(Type.Array(Type.Object({ word: Type.String(), start: Seconds, end: Seconds }))),
});
export type TranscriptionResponse = Static<typeof TranscriptionResponse>;

export const SPEECH_FORMATS = ['wav', 'pcm'] as const;

/** Body of `POST /v1/audio/speech`. */
export const SpeechRequest = Type.Object(
  {
    model: Model,
    input: Type.String({ minLength: 1, maxLength: 20_000, description: 'What to say' }),
    voice: Maybe(Type.Union([Type.String(), Type.Object({ id: Type.String() })])),
    response_format: Maybe(
      Type.String({ description: 'wav (also when absent) or pcm: 16 bits, little-endian, one channel, 24 kHz' }),
    ),
    speed: Maybe(Type.Number({ minimum: 0.25, maximum: 4 })),
    stream_format: Maybe(Type.Enum(['audio', 'sse'])),
    routing: Maybe(RoutingRequest),
  },
  {
    additionalProperties: true,
    examples: [{ model: 'Xenova/mms-tts-eng', input: 'The job is done.', voice: 'alloy', response_format: 'wav' }],
  },
);
export type SpeechRequest = Static<typeof SpeechRequest>;
