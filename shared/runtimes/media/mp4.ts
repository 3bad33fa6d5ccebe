import { Problem } from '../../problems/problem.ts';
import { type Box, boxAt, boxesOf, firstBox, viewOf } from './mp4-boxes.ts';
import { addFragment, addSamples, fragmentedTrack } from './mp4-samples.ts';
import { createPackets } from './packets.ts';

/** The sound of an MP4 file: how it is packed, what its decoder has to know before, and its packets. */
export type Mp4Sound = {
  readonly codec: 'aac' | 'opus';
  readonly setup: Uint8Array;
  readonly channels: number;
  readonly rateHz: number;
  readonly packets: readonly Uint8Array[];
};

/** Behind its head a sample entry of sound has so many bytes before its own boxes. */
const SOUND_ENTRY_BYTES = 28;

/**
 * Takes the first track of sound out of an MP4 file, whether its index stands in one place or in front of each fragment. One
 * that breaks off is read as far as it goes. Errors: `invalid_audio`.
 */
export function readMp4(bytes: Uint8Array): Mp4Sound {
  const movie = firstBox(bytes, ({ type }) => type === 'moov');
  if (movie === undefined) throw unreadable('has no index, as if it had not been closed');
  const track = firstBox(movie.body, (box) => box.type === 'trak' && isSound(box));
  if (track === undefined) throw unreadable('holds no sound');
  const table = boxAt(track, 'mdia', 'minf', 'stbl');
  const { codec, setup, channels, rateHz } = readEntry(table);
  const packets = createPackets();
  addSamples(bytes, table, packets);
  const fragmented = fragmentedTrack(movie, track);
  for (const box of boxesOf(bytes)) if (box.type === 'moof') addFragment(bytes, box, fragmented, packets);
  return { codec, setup, channels, rateHz, packets: packets.list };
}

function isSound(track: Box): boolean {
  const handler = boxAt(track, 'mdia', 'hdlr')?.body ?? new Uint8Array();
  return String.fromCharCode(...handler.subarray(8, 12)) === 'soun';
}

function readEntry(table: Box | undefined): Omit<Mp4Sound, 'packets'> {
  const described = boxAt(table, 'stsd')?.body.subarray(8) ?? new Uint8Array();
  const entry = boxesOf(described).next().value;
  if (entry === undefined || entry.body.length < SOUND_ENTRY_BYTES)
    throw unreadable('does not say how its sound is packed');
  const view = viewOf(entry.body);
  const shared = { channels: view.getUint16(16), rateHz: view.getUint16(24) };
  const inner = entry.body.subarray(SOUND_ENTRY_BYTES);
  const setupOf = (type: string) => firstBox(inner, (box) => box.type === type)?.body;
  const opus = setupOf('dOps');
  if (entry.type === 'Opus' && opus !== undefined && opus.length >= 11) {
    return { ...shared, codec: 'opus', setup: opusHead(opus) };
  }
  const aac = aacSetup(setupOf('esds'));
  if (entry.type === 'mp4a' && aac !== undefined) return { ...shared, codec: 'aac', setup: aac };
  throw unreadable(`holds sound as ${entry.type.replace(/[^\w.-]/g, '')}`);
}

/** What Ogg says of Opus, of what MP4 says of it: the same, with its numbers the other way round. */
function opusHead(box: Uint8Array): Uint8Array {
  const head = new Uint8Array(8 + box.length);
  head.set(new TextEncoder().encode('OpusHead'));
  head.set(box, 8);
  const [from, to] = [viewOf(box), viewOf(head)];
  head[8] = 1;
  to.setUint16(10, from.getUint16(2), true);
  to.setUint32(12, from.getUint32(4), true);
  to.setInt16(16, from.getInt16(8), true);
  return head;
}

const ES_DESCRIPTOR = 3;
const DECODER_CONFIG = 4;
const DECODER_SPECIFIC = 5;
const AAC = 0x40;

/** Descriptors within each other (ISO 14496-1), of which the innermost is what a decoder of AAC is told. */
function aacSetup(box: Uint8Array | undefined): Uint8Array | undefined {
  const stream = descriptor(box?.subarray(4), ES_DESCRIPTOR);
  if (stream === undefined || stream.length < 3) return undefined;
  const flags = stream[2] ?? 0;
  // An id of another stream, an address and an id of a clock may stand before what is wanted.
  let at = 3 + (flags & 0x80 ? 2 : 0);
  if (flags & 0x40) at += 1 + (stream[at] ?? 0);
  if (flags & 0x20) at += 2;
  const config = descriptor(stream.subarray(at), DECODER_CONFIG);
  return config?.[0] === AAC ? descriptor(config.subarray(13), DECODER_SPECIFIC) : undefined;
}

function descriptor(bytes: Uint8Array | undefined, tag: number): Uint8Array | undefined {
  if (bytes === undefined || bytes[0] !== tag) return undefined;
  let [size, at] = [0, 1];
  for (let more = true; more && at <= 4; at++) {
    const byte = bytes[at] ?? 0;
    size = size * 128 + (byte & 0x7f);
    more = byte >= 0x80;
  }
  return bytes.subarray(at, at + size);
}

function unreadable(how: string): Problem {
  return new Problem('invalid_audio', `The mp4 file ${how}. Send it as wav, mp3, flac or ogg.`, { param: 'audio' });
}
