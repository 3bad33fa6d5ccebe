import { Problem } from '../../problems/problem.ts';
import { type CompressedForm, decodeCompressed } from './compressed-sound.ts';
import { hasText } from './media-bytes.ts';
import { decodeWav, type Sound } from './wav.ts';

/** Forms of sound by what their files begin with; the name of a file says nothing. */
const FORMS: readonly (readonly [name: string, is: (bytes: Uint8Array) => boolean])[] = [
  ['wav', (bytes) => hasText(bytes, 0, 'RIFF') && hasText(bytes, 8, 'WAVE')],
  ['flac', (bytes) => hasText(bytes, 0, 'fLaC')],
  ['opus', (bytes) => hasText(bytes, 0, 'OggS') && hasText(bytes, 28, 'OpusHead')],
  ['vorbis', (bytes) => hasText(bytes, 0, 'OggS') && hasText(bytes, 29, 'vorbis')],
  ['ogg', (bytes) => hasText(bytes, 0, 'OggS')],
  ['mp3', (bytes) => hasText(bytes, 0, 'ID3') || (bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xe6) === 0xe2)],
  ['m4a', (bytes) => hasText(bytes, 4, 'ftyp')],
  ['webm', (bytes) => bytes[0] === 0x1a && bytes[1] === 0x45 && bytes[2] === 0xdf && bytes[3] === 0xa3],
];

/**
 * Reads a recording by its content. Errors: `unsupported_media` for a form that this node does not decode,
 * `invalid_audio` for what is no recording, or a broken one.
 */
export async function decodeSound(bytes: Uint8Array): Promise<Sound> {
  const form = FORMS.find(([, is]) => is(bytes))?.[0];
  if (form === 'wav') return decodeWav(bytes);
  if (isCompressed(form)) return decodeCompressed(form, bytes);
  if (form !== undefined) {
    throw new Problem(
      'unsupported_media',
      `This node does not decode ${form}. Send the recording as wav, mp3, flac or ogg.`,
      {
        param: 'audio',
      },
    );
  }
  const what = bytes.length === 0 ? 'The recording is empty' : 'This is no recording in a known form';
  throw new Problem('invalid_audio', `${what}. Send it as wav, mp3, flac or ogg.`, { param: 'audio' });
}

function isCompressed(form: string | undefined): form is CompressedForm {
  return form === 'mp3' || form === 'flac' || form === 'vorbis' || form === 'opus';
}
