import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeCompressed } from '../../../../shared/runtimes/media/compressed-sound.ts';
import { ebmlLeaves } from '../../../../shared/runtimes/media/ebml.ts';
import { readMp4 } from '../../../../shared/runtimes/media/mp4.ts';
import { writeOgg } from '../../../../shared/runtimes/media/ogg-pages.ts';
import { decodeSound } from '../../../../shared/runtimes/media/sound.ts';
import { repackWebm } from '../../../../shared/runtimes/media/webm.ts';
import { isProblem } from '../../../support/problems.ts';
import { AAC_RECORDINGS, assertIsSweep, CONTAINED, recordingFile } from '../../../support/recordings/sweep.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

for (const name of CONTAINED) {
  test(`${name} is heard as it was made`, async () => {
    assertIsSweep(name, await decodeSound(recordingFile(name)));
  });
}

const bytesOf = (...parts: readonly (Uint8Array | readonly number[] | string)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))));

/** An element with its length in four bytes; `unknown` leaves the length open, as whoever records live does. */
function element(id: readonly number[], body: Uint8Array, isOpen = false): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(isOpen ? 0x1fffffff : 0x10000000 + body.length);
  return bytesOf(id, size, body);
}

const EBML = element([0x1a, 0x45, 0xdf, 0xa3], Buffer.of());
const SETUP = bytesOf('OpusHead', [1, 1, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0]);
const track = (number: number, type: number, codec: string, more: Uint8Array = Buffer.of()) =>
  element(
    [0xae],
    bytesOf(
      element([0xd7], Buffer.of(number)),
      element([0x83], Buffer.of(type)),
      element([0x86], Buffer.from(codec)),
      element([0x63, 0xa2], SETUP),
      more,
    ),
  );
const block = (number: number, flags: number, ...body: readonly (Uint8Array | readonly number[])[]) =>
  element([0xa3], bytesOf([0x80 | number, 0, 0, flags], ...body));

function webm(tracks: Uint8Array, blocks: Uint8Array, isOpen = false): Buffer {
  const all = element([0x16, 0x54, 0xae, 0x6b], tracks);
  const cluster = element([0x1f, 0x43, 0xb6, 0x75], bytesOf(element([0xe7], Buffer.of(0)), blocks), isOpen);
  return bytesOf(EBML, element([0x18, 0x53, 0x80, 0x67], bytesOf(all, cluster), isOpen));
}

/** The packets of an Ogg file, page by page, with the rule of segments alone. */
function packetsOfOgg(ogg: Uint8Array): Buffer[] {
  const packets: Buffer[] = [];
  for (let at = 0; at < ogg.length; ) {
    const sizes = ogg.subarray(at + 27, at + 27 + (ogg[at + 26] ?? 0));
    let from = at + 27 + sizes.length;
    let size = 0;
    for (const part of sizes) {
      size += part;
      if (part === 255) continue;
      packets.push(Buffer.from(ogg.subarray(from, from + size)));
      from += size;
      size = 0;
    }
    at = from;
  }
  return packets;
}

const packetsOf = (file: Uint8Array) => packetsOfOgg(repackWebm(file).ogg).slice(2);

test('packets come out of a block in each way that several may lie in one', () => {
  const [a, b, c] = [Buffer.alloc(300, 1), Buffer.alloc(2, 2), Buffer.alloc(7, 3)];
  const sound = track(1, 2, 'A_OPUS');
  assert.deepEqual(packetsOf(webm(sound, block(1, 0x80, a))), [a]);
  assert.deepEqual(packetsOf(webm(sound, block(1, 0x02, [2, 255, 45, 2], a, b, c))), [a, b, c]);
  assert.deepEqual(packetsOf(webm(sound, block(1, 0x04, [2], c, c, c))), [c, c, c]);
  // 300 in two bytes, then 298 less in two.
  const less = 0x4000 + (2 - 300 + 0x1fff);
  assert.deepEqual(packetsOf(webm(sound, block(1, 0x06, [2, 0x41, 0x2c, less >> 8, less & 255], a, b, c))), [a, b, c]);
  // What does not fit is no packet, and spoils no other.
  for (const [flags, head] of [
    [0x02, [9, 255, 255]],
    [0x04, [1]],
    [0x06, [1, 0x40, 0xff]],
  ] as const) {
    assert.deepEqual(packetsOf(webm(sound, bytesOf(block(1, flags, head, c), block(1, 0, b)))), [b]);
  }
});

test('the first track of sound is taken, whatever else is there and whether lengths are known', () => {
  const [a, b] = [Buffer.alloc(20, 1), Buffer.alloc(30, 2)];
  const tracks = bytesOf(track(1, 1, 'V_VP8'), track(2, 2, 'A_OPUS'), track(3, 2, 'A_VORBIS'));
  const group = element([0xa0], element([0xa1], bytesOf([0x82, 0, 0, 0], b)));
  const blocks = bytesOf(block(1, 0, Buffer.alloc(99)), block(2, 0, a), block(3, 0, Buffer.alloc(5)), group);
  for (const isOpen of [false, true]) assert.deepEqual(packetsOf(webm(tracks, blocks, isOpen)), [a, b]);
});

test('webm without sound that can be decoded is refused by what it holds', () => {
  const refused = (file: Uint8Array, sentence: RegExp) =>
    assert.throws(() => repackWebm(file), isProblem('invalid_audio', sentence));
  const some = block(1, 0, Buffer.alloc(9));
  refused(webm(track(1, 1, 'V_VP9'), some), /no sound/);
  refused(webm(track(1, 2, 'A_PCM/INT/LIT'), some), /PCM.*Opus or Vorbis/);
  refused(webm(track(1, 2, 'A_VORBIS'), some), /how its sound is packed/);
  refused(webm(track(1, 2, 'A_OPUS', element([0x6d, 0x80], Buffer.of(1))), some), /second time/);
  refused(EBML, /no sound/);
});

test('lengths beyond the file and claims of any size cost no more than the file', async () => {
  const sound = track(1, 2, 'A_OPUS');
  const beyond = bytesOf([0xa3, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe], Buffer.alloc(50, 0x81));
  assert.deepEqual(packetsOf(webm(sound, beyond)), []);
  await assert.rejects(decodeSound(webm(sound, beyond)), isProblem('invalid_audio', /no sound/));
  assert.deepEqual([...ebmlLeaves(bytesOf([0xec, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))], []);
  // Three million packets of a byte in six megabytes.
  const laced = block(1, 0x02, [255], new Array<number>(255).fill(1), Buffer.alloc(256, 0xfc));
  const many = webm(sound, Buffer.concat(new Array<Buffer>(12_000).fill(laced)));
  await assert.rejects(decodeSound(many), isProblem('invalid_audio', /too many packets/));
  // Packets of two bytes that each stand for 120 ms of silence: an hour in 270 KB.
  const silence = webm(sound, Buffer.concat(new Array<Buffer>(30_000).fill(block(1, 0, [0x1b, 0x02]))));
  const { form, ogg } = repackWebm(silence);
  await assert.rejects(decodeCompressed(form, ogg, 60), isProblem('invalid_audio', /longer than/));
});

test('a recording that claims another rate costs no more memory than one of a usual rate', async () => {
  const claiming = (rateHz: number) => {
    const file = Buffer.from(recordingFile('sweep-vorbis.webm'));
    file.writeUInt32LE(rateHz, file.indexOf('\x01vorbis', 0, 'latin1') + 12);
    return file;
  };
  // To bring it to a model's rate would take 1.3 GB.
  await assert.rejects(decodeSound(claiming(10_000_019)), isProblem('invalid_audio', /claims 10000019 samples/));
  // A second of 16,000 samples, said to be a fiftieth of one.
  assert.equal((await decodeSound(claiming(768_000))).rateHz, 768_000);
  const { form, ogg } = repackWebm(claiming(768_000));
  await assert.rejects(decodeCompressed(form, ogg, 0.3), isProblem('invalid_audio', /more samples than/));
  await assert.doesNotReject(decodeCompressed(form, ogg, 0.4));
});

test('packets of any sizes are packed as Ogg and come out again', () => {
  const random = seededRandom(3);
  for (let round = 0; round < 100; round++) {
    const sizes = Array.from({ length: Math.floor(random() * 40) }, () => Math.floor(random() ** 6 * 65_024));
    const packets = sizes.map((size) => Buffer.alloc(size, 1 + Math.floor(random() * 255)));
    assert.deepEqual(packetsOfOgg(writeOgg([SETUP], packets)), [SETUP, ...packets]);
  }
  const large = packetsOfOgg(writeOgg([SETUP], [Buffer.alloc(65_024), Buffer.alloc(65_025)]));
  assert.deepEqual(
    large.map(({ length }) => length),
    [SETUP.length, 65_024],
  );
});

test('AAC is found whole, in one index or in fragments, and refused by name where the host cannot decode it', async () => {
  const [whole, fragments] = AAC_RECORDINGS.map((name) => readMp4(recordingFile(name)));
  assert.equal(whole?.packets.length, 17);
  assert.deepEqual(
    fragments?.packets.map((packet) => Buffer.from(packet)),
    whole.packets.map((packet) => Buffer.from(packet)),
  );
  assert.deepEqual(
    [whole.codec, whole.rateHz, whole.channels, [...whole.setup.subarray(0, 2)]],
    ['aac', 16_000, 2, [0x14, 0x10]],
  );
  for (const name of AAC_RECORDINGS) {
    await assert.rejects(
      decodeSound(recordingFile(name)),
      isProblem('invalid_audio', /AAC.*wav, mp3, flac, ogg or webm/),
    );
  }
});

test('what breaks off is read as far as it goes', async () => {
  for (const name of ['sweep.webm', 'sweep-live.webm']) {
    const file = recordingFile(name);
    const { samples, rateHz } = await decodeSound(file.subarray(0, Math.floor(file.length * 0.6)));
    assert.ok(samples.length > 0.2 * rateHz && samples.length < 0.9 * rateHz, `${name}: ${samples.length / rateHz} s`);
  }
  const [m4a = ''] = AAC_RECORDINGS;
  assert.ok(readMp4(recordingFile(m4a).subarray(0, 5_000)).packets.length < 17);
  for (const name of [...CONTAINED, ...AAC_RECORDINGS]) {
    await assert.rejects(decodeSound(recordingFile(name).subarray(0, 60)), isProblem('invalid_audio', /Send/), name);
  }
});

test('whatever its bytes are, a container is read or refused', async () => {
  const random = seededRandom(13);
  for (const name of [...CONTAINED, ...AAC_RECORDINGS]) {
    const file = recordingFile(name);
    const takeApart = name.endsWith('webm') ? repackWebm : readMp4;
    // The first two kilobytes hold what is said of the sound.
    const places = [600, 2_000, file.length];
    for (let round = 0; round < 600; round++) {
      const bytes = Uint8Array.from(file);
      const upTo = places[round % places.length] ?? file.length;
      for (let edit = 0; edit < 12; edit++) bytes[12 + Math.floor(random() * (upTo - 12))] = random() * 256;
      try {
        takeApart(bytes);
        // To start a decoder is dear, and their own tests give them anything.
        if (round % 60 > 2) continue;
        const { samples } = await decodeSound(bytes);
        assert.ok(samples.every(Number.isFinite), name);
      } catch (error) {
        isProblem('invalid_audio', /./)(error);
      }
    }
  }
});

test('an index of hostile numbers costs no more than the file', () => {
  const file = Buffer.from(recordingFile('sweep.m4a'));
  const sizes = file.indexOf('stsz');
  const runs = file.indexOf('stsc');
  // All packets of one byte, four thousand million of them, in chunks of as many.
  file.writeUInt32BE(1, sizes + 8);
  file.writeUInt32BE(0xffffffff, sizes + 12);
  file.writeUInt32BE(0xffffffff, runs + 16);
  assert.ok(readMp4(file).packets.length <= file.length);
  const chunks = Buffer.from(recordingFile('sweep.m4a'));
  chunks.writeUInt32BE(0xfffffff0, chunks.indexOf('stco') + 12);
  assert.deepEqual(readMp4(chunks).packets, []);
});
