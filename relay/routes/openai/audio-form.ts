import type { FastifyRequest } from 'fastify';
import { TRANSCRIPT_FORMATS, type TranscriptFormat } from '../../../shared/api/audio.ts';
import { Problem } from '../../../shared/problems/problem.ts';

/** What the form of a transcription asks for. */
export type TranscriptionWishes = {
  file: Buffer;
  model: string;
  language: string | undefined;
  format: TranscriptFormat;
  wantsWords: boolean;
  wantsSegments: boolean;
  stream: boolean;
  /** Names of what has no effect. */
  ignored: string[];
};

const KNOWN = new Set(['file', 'model', 'language', 'response_format', 'timestamp_granularities[]', 'stream']);
const GRANULARITIES = ['word', 'segment'];

/** Reads a form, whatever the order of its parts. Errors: `invalid_value`, `missing_required_parameter`, `invalid_audio`. */
export async function readTranscriptionForm(request: FastifyRequest): Promise<TranscriptionWishes> {
  const form = await readForm(request);
  const file = form.get('file');
  if (file === null) throw missing('file');
  if (typeof file === 'string') throw wrong('file', 'must be a file, with a file name');
  if (file.size === 0) throw new Problem('invalid_audio', 'The recording is empty. Send one.', { param: 'file' });
  const granularities = textsOf(form, 'timestamp_granularities[]');
  const unknown = granularities.find((name) => !GRANULARITIES.includes(name));
  if (unknown !== undefined) throw wrong('timestamp_granularities', `must be of ${GRANULARITIES.join(', ')}`);
  const format = readFormat(textOf(form, 'response_format') ?? 'json');
  const wantsWords = granularities.includes('word');
  if (wantsWords && format !== 'verbose_json') {
    throw wrong('timestamp_granularities', 'takes words only with response_format verbose_json');
  }
  const stream = readFlag(form, 'stream');
  // Events carry text alone: times would be lost without a word.
  if (stream && format !== 'json' && format !== 'text') throw wrong('response_format', 'is json or text in a stream');
  const model = textOf(form, 'model');
  if (model === undefined) throw missing('model');
  return {
    file: Buffer.from(await file.arrayBuffer()),
    model,
    language: textOf(form, 'language'),
    format,
    wantsWords,
    wantsSegments: granularities.length === 0 || granularities.includes('segment'),
    stream,
    ignored: [...new Set(form.keys())].filter((name) => !KNOWN.has(name)),
  };
}

async function readForm({ body, headers }: FastifyRequest): Promise<FormData> {
  const type = headers['content-type'] ?? '';
  try {
    return await new Response(body as Buffer<ArrayBuffer>, { headers: { 'content-type': type } }).formData();
  } catch {
    throw new Problem('invalid_value', 'The form is broken or not complete. Send all of its parts.');
  }
}

function textsOf(form: FormData, name: string): string[] {
  return form.getAll(name).filter((value) => typeof value === 'string');
}

/** What is empty counts as left out: forms have no null. */
function textOf(form: FormData, name: string): string | undefined {
  const [text] = textsOf(form, name);
  return text === undefined || text === '' ? undefined : text;
}

function readFlag(form: FormData, name: string): boolean {
  const text = textOf(form, name) ?? 'false';
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
