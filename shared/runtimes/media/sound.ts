import { Problem } from '../../problems/problem.ts';
import { type CompressedForm, decodeCompressed } from './compressed-sound.ts';
import { decodeByHost } from './host-aac.ts';
import { hasText } from './media-bytes.ts';
import { readMp4 } from './mp4.ts';
import { OPUS_TAGS, writeOgg } from './ogg-pages.ts';
import { gatherSound } from './sound-parts.ts';
import { decodeWav, type Sound } from './wav.ts';
import { repackWebm } from './webm.ts';

/** Forms of sound by what their files begin with; the name of a file says nothing. */
const FORMS: readonly (readonly [name: string, is: (bytes: Uint8Array) => boolean])[] = [
  ['wav', (bytes) => hasText(bytes, 0, 'RIFF') && hasText(bytes, 8, 'WAVE')],
  ['flac', (bytes) => hasText(bytes, 0, 'fLaC')],
  ['opus', (bytes) => hasText(bytes, 0, 'OggS') && hasText(bytes, 28, 'OpusHead')],
  ['vorbis', (bytes) => hasText(bytes, 0, 'OggS') && hasText(bytes, 29, 'vorbis')],
  ['ogg', (bytes) => hasText(bytes, 0, 'OggS')],
  ['mp3', (bytes) => hasText(bytes, 0, 'ID3') || (bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xe6) === 0xe2)],
  ['mp4', (bytes) => hasText(bytes, 4, 'ftyp')],
  ['webm', (bytes) => bytes[0] === 0x1a && bytes[1] === 0x45 && bytes[2] === 0xdf && bytes[3] === 0xa3],
];

/**
 * Reads a recording by its content. Errors: `invalid_audio` for what is no recording, a broken one, and one in a form that is
 * not decoded here.
 */
export async function decodeSound(bytes: Uint8Array): Promise<Sound> {
  const form = FORMS.find(([, is]) => is(bytes))?.[0];
  if (form === 'wav') return decodeWav(bytes);
  if (form === 'mp4') return decodeMp4(bytes);
  if (form === 'webm') {
    const { form: within, ogg } = repackWebm(bytes);
    return decodeCompressed(within, ogg);
  }
  if (isCompressed(form)) return decodeCompressed(form, bytes);
  if (form !== undefined) throw unreadable(`This node does not decode ${form} with other sound than Vorbis and Opus`);
  throw unreadable(bytes.length === 0 ? 'The recording is empty' : 'This is no recording in a known form');
}

async function decodeMp4(bytes: Uint8Array): Promise<Sound> {
  const { codec, ...recording } = readMp4(bytes);
  if (codec === 'opus') return decodeCompressed('opus', writeOgg([recording.setup, OPUS_TAGS], recording.packets));
  const parts = gatherSound();
  await decodeByHost(recording, parts);
  const sound = parts.whole();
  if (sound === undefined) throw unreadable('The mp4 file holds no sound');
  return sound;
}

function isCompressed(form: string | undefined): form is CompressedForm {
  return form === 'mp3' || form === 'flac' || form === 'vorbis' || form === 'opus';
}

function unreadable(what: string): Problem {
  return new Problem('invalid_audio', `${what}. Send it as wav, mp3, flac, ogg or webm.`, { param: 'audio' });
}
