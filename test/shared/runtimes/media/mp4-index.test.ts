/** Where an MP4 file says that its packets lie, in each way that writers of such files use. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMp4 } from '../../../../shared/runtimes/media/mp4.ts';

const PACKETS = [3, 4, 5, 6, 7, 8].map((size, at) => Buffer.alloc(size, at + 1));
const u32 = (...numbers: number[]) =>
  Buffer.concat(
    numbers.map((number) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(number >>> 0);
      return bytes;
    }),
  );
const box = (type: string, ...parts: Uint8Array[]) => {
  const body = Buffer.concat(parts);
  return Buffer.concat([u32(8 + body.length), Buffer.from(type), body]);
};
const FTYP = box('ftyp', Buffer.from('isom'), u32(0));
/** Where the first packet lies, behind the head of the box that has them all. */
const FIRST = FTYP.length + 8;
const OPUS = box('Opus', Buffer.alloc(28), box('dOps', Buffer.alloc(11)));

type Index = { id?: number; version?: 0 | 1; tables?: Uint8Array[]; more?: Uint8Array[] };

function movie({ id = 7, version = 0, tables = [], more = [] }: Index): Buffer {
  const times = Buffer.alloc(version === 1 ? 16 : 8);
  const stbl = box('stbl', box('stsd', u32(0, 1), OPUS), ...tables);
  const media = box('mdia', box('hdlr', u32(0, 0), Buffer.from('soun')), box('minf', stbl));
  return box('moov', box('trak', box('tkhd', u32(version << 24), times, u32(id)), media), ...more);
}

const packetsOf = (...parts: Uint8Array[]) =>
  readMp4(Buffer.concat(parts)).packets.map((packet) => Buffer.from(packet));
/** Chunks of one, one, two and two packets, with something else between them. */
const GAP = Buffer.of(99, 99);
const CHUNKS = [PACKETS.slice(0, 1), PACKETS.slice(1, 2), PACKETS.slice(2, 4), PACKETS.slice(4)];
const WITHIN = Buffer.concat(CHUNKS.flatMap((chunk) => [...chunk, GAP]));
const DATA = box('mdat', WITHIN);
const within = (from: number, to: number) => WITHIN.subarray(from, to);
const SIZES = box('stsz', u32(0, 0, PACKETS.length, ...PACKETS.map(({ length }) => length)));
/** Two chunks of one packet, then chunks of two; each run with its first chunk, counted from one. */
const RUNS = box('stsc', u32(0, 2, 1, 1, 1, 3, 2, 1));
const PLACES = [0, 5, 11, 24].map((from) => FIRST + from);

test('packets lie in chunks, of which some have more of them than others', () => {
  const short = movie({ tables: [SIZES, RUNS, box('stco', u32(0, 4, ...PLACES))] });
  assert.deepEqual(packetsOf(FTYP, DATA, short), PACKETS);
});

test('places of chunks may have eight bytes, and one behind the end of the file ends what is read', () => {
  const places = (...high: number[]) =>
    box('co64', u32(0, 4, ...PLACES.flatMap((place, at) => [high[at] ?? 0, place])));
  assert.deepEqual(packetsOf(FTYP, DATA, movie({ tables: [SIZES, RUNS, places()] })), PACKETS);
  assert.deepEqual(packetsOf(FTYP, DATA, movie({ tables: [SIZES, RUNS, places(0, 0, 1)] })), PACKETS.slice(0, 2));
});

test('an index that claims more packets or chunks than it tells of is read as far as it goes', () => {
  const most = 0xffffffff;
  const claimed = box('stsz', u32(0, 0, most, ...PACKETS.map(({ length }) => length)));
  const places = box('stco', u32(0, 4, ...PLACES));
  assert.deepEqual(packetsOf(FTYP, DATA, movie({ tables: [claimed, RUNS, places] })), PACKETS);
  const one = box('stsc', u32(0, 1, 1, most, 1));
  assert.equal(packetsOf(FTYP, DATA, movie({ tables: [claimed, one, places] })).length, PACKETS.length);
  for (const tables of [[claimed, RUNS], [claimed, places], [claimed]]) {
    assert.deepEqual(packetsOf(FTYP, DATA, movie({ tables })), []);
  }
});

test('packets of one size have it said once', () => {
  const tables = [box('stsz', u32(0, 11, 3)), box('stsc', u32(0, 1, 1, 9, 1)), box('stco', u32(0, 1, FIRST))];
  const found = packetsOf(FTYP, DATA, movie({ tables }));
  assert.deepEqual(
    found,
    [0, 11, 22].map((from) => within(from, from + 11)),
  );
});

/** The packets of a track with the id 7, in fragments that hold these boxes. */
function fragmented(version: 0 | 1, ...tracks: Uint8Array[][]): Buffer[] {
  const usual = box('mvex', box('trex', u32(0, 6, 1, 0, 99, 0)), box('trex', u32(0, 7, 1, 0, 4, 0)));
  const fragments = tracks.map((parts) => box('moof', box('traf', ...parts)));
  return packetsOf(FTYP, DATA, movie({ id: 7, version, more: [usual] }), ...fragments);
}
/** Says where it counts from. */
const fromFirst = box('tfhd', u32(0x01, 7, 0, FIRST));

test('packets of fragments have the sizes that each, its fragment or its track says', () => {
  for (const version of [0, 1] as const) {
    const others = [box('tfhd', u32(0, 6)), box('trun', u32(1, 1, 0))];
    // Of each packet how long it lasts and how large it is, behind the flags of the first.
    const each = [fromFirst, box('trun', u32(0x305, 2, 0, 0, 1, 3, 1, 2))];
    assert.deepEqual(fragmented(version, others, each), [within(0, 3), within(3, 5)]);
    const sizes = [fromFirst, box('trun', u32(0x201, 2, 5, 4, 2))];
    assert.deepEqual(fragmented(version, sizes), [within(5, 9), within(9, 11)]);
    // The second run goes on where the first ended.
    const all = [box('tfhd', u32(0x1b, 7, 0, FIRST, 1, 960, 5)), box('trun', u32(1, 1, 7)), box('trun', u32(0, 1))];
    assert.deepEqual(fragmented(version, all), [within(7, 12), within(12, 17)]);
    assert.deepEqual(fragmented(version, [fromFirst, box('trun', u32(1, 2, 1))]), [within(1, 5), within(5, 9)]);
  }
});

test('places are counted from the fragment where it names no other, also with another size in its head', () => {
  const [head, tfhd] = [movie({ id: 7 }), box('tfhd', u32(0x18, 7, 960, 6))];
  const back = FIRST - (FTYP.length + DATA.length + head.length);
  const fragment = box('moof', box('traf', tfhd, box('trun', u32(1, 2, back + 3))));
  assert.deepEqual(packetsOf(FTYP, DATA, head, fragment), [within(3, 9), within(9, 15)]);
});

test('runs that end before they have said what they must hold no packets', () => {
  for (const run of [u32(1), u32(0x201, 1), u32(0x201, 1, 0), u32(0x200, 1)]) {
    assert.deepEqual(fragmented(0, [fromFirst, box('trun', run), box('trun', u32(0x201, 1, 2, 9))]), [within(2, 11)]);
  }
  assert.deepEqual(fragmented(0, [box('tfhd', u32(0x01)), box('trun', u32(0, 1))]), []);
});

test('what lies before or behind the file is no packet, and what ends with it is one', () => {
  for (const [place, size] of [
    [-FIRST - 4, 2],
    [0, 60_000],
  ] as const) {
    // biome-ignore format: pairs
    assert.deepEqual(fragmented(0, [fromFirst, box('trun', u32(0x201, 1, place, size))]), []);
  }
  const head = movie({ id: 7 });
  const fragment = box('moof', box('traf', box('tfhd', u32(0, 7)), box('trun', u32(0x201, 1, 56 + 8, 6))));
  assert.deepEqual(packetsOf(FTYP, head, fragment, box('mdat', within(0, 6))), [within(0, 6)]);
});

test('a box may say its length in eight bytes, or go on to the end of the file', () => {
  const index = movie({ tables: [SIZES, RUNS, box('stco', u32(0, 4, ...PLACES.map((place) => place + 8)))] });
  const long = Buffer.concat([u32(1), Buffer.from('mdat'), u32(0, DATA.length + 8), DATA.subarray(8)]);
  assert.deepEqual(packetsOf(FTYP, long, index), PACKETS);
  const open = Buffer.from(index);
  open.writeUInt32BE(0);
  assert.deepEqual(packetsOf(FTYP, long, open), PACKETS);
  assert.throws(() => readMp4(Buffer.concat([FTYP, u32(1), Buffer.from('moov')])), { code: 'invalid_audio' });
});
