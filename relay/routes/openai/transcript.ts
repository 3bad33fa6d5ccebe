import type { TranscriptFormat, TranscriptionResponse } from '../../../shared/api/audio.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { JsonInput } from '../../../shared/protocol/messages.ts';

/** A piece of speech with its times in seconds from the beginning. */
export type Spoken = { readonly start_s: number; readonly end_s: number; readonly text: string };

export type Transcript = {
  readonly text: string;
  readonly durationS: number;
  readonly language: string | undefined;
  readonly segments: readonly Spoken[];
  readonly words: readonly Spoken[];
};

export type VerboseWishes = { readonly task: string; readonly wantsWords: boolean; readonly wantsSegments: boolean };

/** What a node says that it heard. Errors: `node_fault` for anything else. */
export function readTranscript({ text, duration_s, language, segments = [], words = [] }: JsonInput): Transcript {
  if (typeof text !== 'string' || !isSpoken(segments) || !isSpoken(words)) {
    throw new Problem('node_fault', "The node's answer is no transcript. Try again, or choose another model.");
  }
  return {
    text,
    durationS: typeof duration_s === 'number' && duration_s >= 0 ? duration_s : 0,
    language: typeof language === 'string' ? language : undefined,
    segments,
    words,
  };
}

function isSpoken(value: unknown): value is Spoken[] {
  return (
    Array.isArray(value) &&
    value.every(
      (item) => typeof item?.text === 'string' && Number.isFinite(item.start_s) && Number.isFinite(item.end_s),
    )
  );
}

/** The formats that are bare text; undefined for the others. */
export function transcriptText(transcript: Transcript, format: TranscriptFormat): string | undefined {
  if (format === 'text') return `${transcript.text}\n`;
  if (format === 'srt') return cuesOf(transcript).map(srtCue).join('\n');
  return format === 'vtt' ? `WEBVTT\n\n${cuesOf(transcript).map(vttCue).join('\n')}` : undefined;
}

/** A model that tells no times still has said all of it somewhere in the recording. */
function cuesOf({ segments, text, durationS }: Transcript): readonly Spoken[] {
  return segments.length > 0 || text === '' ? segments : [{ start_s: 0, end_s: durationS, text }];
}

function srtCue({ start_s, end_s, text }: Spoken, index: number): string {
  return `${index + 1}\n${clock(start_s, ',')} --> ${clock(end_s, ',')}\n${oneLine(text)}\n`;
}

function vttCue({ start_s, end_s, text }: Spoken): string {
  // An arrow or a tag in the text would be read as a part of the file.
  const plain = oneLine(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `${clock(start_s, '.')} --> ${clock(end_s, '.')}\n${plain}\n`;
}

/** An empty line ends a subtitle. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

/** `01:02:03,456`; hours are always there, which both formats allow. */
function clock(seconds: number, point: ',' | '.'): string {
  const ms = Math.round(seconds * 1_000);
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const rest = String(ms % 1_000).padStart(3, '0');
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1_000) % 60)}${point}${rest}`;
}

export function usageOfSound({ durationS }: Transcript): TranscriptionResponse['usage'] {
  return { type: 'duration', seconds: Math.ceil(durationS) };
}

export function verboseTranscript(transcript: Transcript, wishes: VerboseWishes): TranscriptionResponse {
  const { text, language = 'und', durationS, segments, words } = transcript;
  const spoken = segments.map(({ start_s, end_s, text }, id) => ({ id, start: start_s, end: end_s, text }));
  return {
    task: wishes.task,
    language,
    duration: durationS,
    text,
    ...(wishes.wantsSegments ? { segments: spoken.map((one) => ({ ...one, seek: 0, temperature: 0 })) } : {}),
    ...(wishes.wantsWords
      ? { words: words.map(({ start_s, end_s, text }) => ({ word: text, start: start_s, end: end_s })) }
      : {}),
    usage: usageOfSound(transcript),
  };
}
