import type { FastifyRequest } from 'fastify';
import { TRANSCRIPT_FORMATS, type TranscriptFormat } from '../../../shared/api/audio.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { holdBody } from '../../access/held-bytes.ts';
import type { FileDepot } from '../../files/file-depot.ts';
import { boundaryOf, type Part, readMultipart } from '../../files/multipart.ts';
import { uploadOf } from '../http/uploads.ts';
import { assertSmallEnough, dropRecording, INLINE_MOST_BYTES, type Recording, receiveRecording } from './recording.ts';

/** What the form of a transcription asks for. */
export type TranscriptionWishes = {
  model: string;
  language: string | undefined;
  format: TranscriptFormat;
  wantsWords: boolean;
  wantsSegments: boolean;
  stream: boolean;
  /** Names of what has no effect. */
  ignored: string[];
};

type Form = { texts: ReadonlyMap<string, readonly string[]>; recording: Recording };

const KNOWN = new Set(['file', 'model', 'language', 'response_format', 'timestamp_granularities[]', 'stream']);
const GRANULARITIES = ['word', 'segment'];
const FORM = 'multipart/form-data';
/** Prompts are the longest; OpenAI's have 224 tokens. */
const FIELD_MOST_BYTES = 64 * 1024;

/**
 * Reads a form as it comes, whatever the order of its parts; whoever calls drops or keeps the recording. Errors:
 * `invalid_value`, `missing_required_parameter`, `invalid_audio`, `unsupported_media_type`, and those of `receiveRecording`.
 */
export async function readTranscriptionForm(
  request: FastifyRequest,
  files: FileDepot,
): Promise<{ wishes: TranscriptionWishes; recording: Recording }> {
  const { texts, recording } = await readForm(request, files);
  try {
    if ('bytes' in recording && recording.bytes.length === 0) {
      throw new Problem('invalid_audio', 'The recording is empty. Send one.', { param: 'file' });
    }
    return { wishes: wishesOf(texts), recording };
  } catch (error) {
    await dropRecording(recording, files);
    throw error;
  }
}

function wishesOf(texts: Form['texts']): TranscriptionWishes {
  const granularities = texts.get('timestamp_granularities[]') ?? [];
  const unknown = granularities.find((name) => !GRANULARITIES.includes(name));
  if (unknown !== undefined) throw wrong('timestamp_granularities', `must be of ${GRANULARITIES.join(', ')}`);
  const format = readFormat(textOf(texts, 'response_format') ?? 'json');
  const wantsWords = granularities.includes('word');
  if (wantsWords && format !== 'verbose_json') {
    throw wrong('timestamp_granularities', 'takes words only with response_format verbose_json');
  }
  const stream = readFlag(texts, 'stream');
  // Events carry text alone: times would be lost without a word.
  if (stream && format !== 'json' && format !== 'text') throw wrong('response_format', 'is json or text in a stream');
  const model = textOf(texts, 'model');
  if (model === undefined) throw missing('model');
  return {
    model,
    language: textOf(texts, 'language'),
    format,
    wantsWords,
    wantsSegments: granularities.length === 0 || granularities.includes('segment'),
    stream,
    ignored: [...texts.keys()].filter((name) => !KNOWN.has(name)),
  };
}

async function readForm(request: FastifyRequest, files: FileDepot): Promise<Form> {
  const { 'content-type': type = '', 'content-length': length } = request.headers;
  if (type === '') throw new Problem('missing_required_parameter', 'Send a form with a file and a model.');
  if (!new RegExp(`^${FORM}\\b`, 'i').test(type)) {
    throw new Problem('unsupported_media_type', `Send the body as content-type: ${FORM}.`);
  }
  assertSmallEnough(Number(length ?? 0));
  holdBody(request, INLINE_MOST_BYTES);
  const texts = new Map<string, string[]>();
  let recording: Recording | undefined;
  try {
    for await (const part of readMultipart(uploadOf(request, files.limits), boundaryOf(type))) {
      if (part.name === 'file') {
        if (part.filename === undefined) throw wrong('file', 'must be a file, with a file name');
        if (recording !== undefined) throw wrong('file', 'must be one file');
        recording = await receiveRecording(part, request.principal.keyId, files);
      } else texts.set(part.name, [...(texts.get(part.name) ?? []), await readText(part)]);
    }
    if (recording === undefined) throw missing('file');
    return { texts, recording };
  } catch (error) {
    await dropRecording(recording, files);
    throw error;
  }
}

async function readText({ name, body }: Part): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > FIELD_MOST_BYTES) throw wrong(name.slice(0, 64), `must have at most ${FIELD_MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What is empty counts as left out: forms have no null. */
function textOf(texts: Form['texts'], name: string): string | undefined {
  const text = texts.get(name)?.[0];
  return text === undefined || text === '' ? undefined : text;
}

function readFlag(texts: Form['texts'], name: string): boolean {
  const text = textOf(texts, name) ?? 'false';
  if (text === 'true' || text === 'false') return text === 'true';
  throw wrong(name, 'must be true or false');
}

function readFormat(name: string): TranscriptFormat {
  const format = TRANSCRIPT_FORMATS.find((known) => known === name);
  if (format !== undefined) return format;
  throw wrong('response_format', `must be one of ${TRANSCRIPT_FORMATS.join(', ')}`);
}

function missing(param: string): Problem {
  return new Problem('missing_required_parameter', `Missing required parameter: '${param}'.`, { param });
}

function wrong(param: string, wish: string): Problem {
  return new Problem('invalid_value', `Invalid value for '${param}': it ${wish}.`, { param });
}
