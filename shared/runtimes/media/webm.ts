import { Problem } from '../../problems/problem.ts';
import { ebmlLeaves, readNumber, TRACK_BEGINS } from './ebml.ts';
import { OPUS_TAGS, writeOgg } from './ogg-pages.ts';
import { createPackets } from './packets.ts';

/** Sound in the container that its decoder reads. */
export type Repacked = { readonly form: 'opus' | 'vorbis'; readonly ogg: Uint8Array };

type Track = { number: number; isSound: boolean; codec: string; setup: Uint8Array; isEncoded: boolean };

const TRACK_NUMBER = 0xd7;
const TRACK_TYPE = 0x83;
const CODEC = 0x86;
const CODEC_SETUP = 0x63a2;
const ENCODINGS = 0x6d80;
const SIMPLE_BLOCK = 0xa3;
const BLOCK = 0xa1;
const SOUND = 2;
const NOTHING = new Uint8Array();

/**
 * Takes the first track of sound out of a WebM or Matroska file (RFC 9559) and packs it as Ogg. One that breaks off is read
 * as far as it goes. Errors: `invalid_audio`.
 */
export function repackWebm(bytes: Uint8Array): Repacked {
  let track: Track | undefined;
  let chosen: Track | undefined;
  const packets = createPackets();
  for (const { id, body } of ebmlLeaves(bytes)) {
    if (id === SIMPLE_BLOCK || id === BLOCK) {
      if (chosen !== undefined) for (const packet of packetsOf(body, chosen)) packets.add(packet);
      continue;
    }
    if (id === TRACK_BEGINS) track = { number: 0, isSound: false, codec: '', setup: NOTHING, isEncoded: false };
    if (track === undefined) continue;
    noteOf(track, id, body);
    if (track.isSound) chosen ??= track;
  }
  if (chosen === undefined) throw unreadable('holds no sound');
  if (chosen.isEncoded) throw unreadable('is compressed a second time');
  const { codec, setup } = chosen;
  if (codec === 'A_OPUS') return { form: 'opus', ogg: writeOgg([setup, OPUS_TAGS], packets.list) };
  if (codec === 'A_VORBIS') return { form: 'vorbis', ogg: writeOgg(vorbisHeaders(setup), packets.list) };
  throw unreadable(`holds sound as ${codec.replace(/^A_/, '').slice(0, 16)}`);
}

function noteOf(track: Track, id: number, body: Uint8Array): void {
  if (id === TRACK_NUMBER) track.number = integerOf(body);
  if (id === TRACK_TYPE) track.isSound = integerOf(body) === SOUND;
  if (id === CODEC) track.codec = String.fromCharCode(...body.subarray(0, 32)).replace(/[^\w/]/g, '');
  if (id === CODEC_SETUP) track.setup = body;
  if (id === ENCODINGS) track.isEncoded = true;
}

function integerOf(body: Uint8Array): number {
  return body.reduce((value, byte) => value * 256 + byte, 0);
}

/** The three headers of Vorbis: the sizes of two as Xiph writes them, then all three. */
function vorbisHeaders(setup: Uint8Array): Uint8Array[] {
  const headers = setup[0] === 2 ? xiphPackets(setup.subarray(1), 3) : [];
  if (headers.length === 3) return headers;
  throw unreadable('does not say how its sound is packed');
}

/** The packets of a block: the number of its track, a time, and how several of them lie in it. */
function packetsOf(block: Uint8Array, { number }: Track): Uint8Array[] {
  const track = readNumber(block, 0, 8, true);
  if (track?.value !== number || block.length < track.length + 4) return [];
  const flags = block[track.length + 2] ?? 0;
  const rest = block.subarray(track.length + 3);
  const lacing = flags & 0x06;
  if (lacing === 0) return [rest];
  const count = (rest[0] ?? 0) + 1;
  const laced = rest.subarray(1);
  if (lacing === 0x02) return xiphPackets(laced, count);
  return lacing === 0x04 ? equal(laced, count) : ebml(laced, count);
}

/** `count` packets behind the sizes of all but the last; none where they do not fit. */
function cut(bytes: Uint8Array, from: number, sizes: readonly number[]): Uint8Array[] {
  const packets: Uint8Array[] = [];
  let at = from;
  for (const size of sizes) {
    packets.push(bytes.subarray(at, at + size));
    at += size;
  }
  return at <= bytes.length && sizes.every((size) => size >= 0) ? [...packets, bytes.subarray(at)] : [];
}

/** Each size is a sum of bytes, which goes on after a 255. */
function xiphPackets(bytes: Uint8Array, count: number): Uint8Array[] {
  const sizes: number[] = [];
  let at = 0;
  while (sizes.length < count - 1 && at < bytes.length) {
    let size = 0;
    while (bytes[at] === 255) size += bytes[at++] ?? 0;
    sizes.push(size + (bytes[at++] ?? 0));
  }
  return sizes.length === count - 1 ? cut(bytes, at, sizes) : [];
}

function equal(bytes: Uint8Array, count: number): Uint8Array[] {
  const size = bytes.length / count;
  return Number.isInteger(size) ? cut(bytes, 0, new Array<number>(count - 1).fill(size)) : [];
}

/** The first size, then differences, which are moved so that they are never below zero. */
function ebml(bytes: Uint8Array, count: number): Uint8Array[] {
  const sizes: number[] = [];
  let at = 0;
  for (let index = 0; index < count - 1; index++) {
    const read = readNumber(bytes, at, 8, true);
    if (read === undefined) return [];
    at += read.length;
    const before = sizes.at(-1);
    sizes.push(before === undefined ? read.value : before + read.value - (2 ** (7 * read.length - 1) - 1));
  }
  return cut(bytes, at, sizes);
}

function unreadable(how: string): Problem {
  const sentence = `The webm file ${how}. Send its sound as Opus or Vorbis, or as wav, mp3, flac or ogg.`;
  return new Problem('invalid_audio', sentence, { param: 'audio' });
}
