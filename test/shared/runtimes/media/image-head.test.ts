import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { readImageHead } from '../../../../shared/runtimes/media/image-head.ts';
import { isProblem } from '../../../support/problems.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

const image = () => sharp({ create: { width: 37, height: 21, channels: 4, background: '#f808' } });
const FILES = {
  png: () => image().png(),
  gif: () => image().gif(),
  jpeg: () => image().jpeg(),
  'progressive jpeg with a profile': () => image().jpeg({ progressive: true }).withMetadata(),
  webp: () => image().removeAlpha().webp(),
  'lossless webp': () => image().webp({ lossless: true }),
  'webp with transparency': () => image().webp(),
};

for (const [name, make] of Object.entries(FILES)) {
  test(`the size of a ${name} is told from its first bytes`, async () => {
    const { width, height } = readImageHead(await make().toBuffer());
    assert.deepEqual([width, height], [37, 21]);
  });
}

/** Pictures of 37 x 21 for a decoder, with another size of 1 x 1 where one that reads them otherwise would look. */
const HIDDEN: Record<string, () => Promise<Buffer>> = {
  'its first frame is larger than its screen': async () => smallScreen(await image().gif().toBuffer()),
  'decoders do not agree where an extension of nothing ends': async () => {
    const gif = smallScreen(await image().gif().toBuffer());
    const frame = gif.indexOf(Buffer.of(0x2c, 0, 0, 0, 0, 37));
    const small = Buffer.of(0x21, 0x00, 0x00, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0);
    return Buffer.concat([gif.subarray(0, frame), small, Buffer.alloc(37), gif.subarray(frame)]);
  },
};
for (const marker of [0x00, 0x01, 0xd0, 0xd7]) {
  // What takes the bytes behind the marker for its length comes out 65,538 bytes further on.
  HIDDEN[`its marker ${marker} has no length`] = async () => {
    const jpeg = await image().jpeg().toBuffer();
    const comments = [Buffer.of(0xff, 0xfe, 0xff, 0xf2), Buffer.alloc(0xfff0), Buffer.of(0xff, 0xfe, 0, 0x80)];
    const head = Buffer.concat([Buffer.of(0xff, 0xd8, 0xff, marker), ...comments, Buffer.alloc(0x7e)]);
    Buffer.of(0xff, 0xc0, 0, 11, 8, 0, 1, 0, 1, 1).copy(head, 4 + 0xfffe);
    return Buffer.concat([head, jpeg.subarray(2)]);
  };
}

function smallScreen(gif: Buffer): Buffer {
  gif.writeUInt16LE(1, 6);
  gif.writeUInt16LE(1, 8);
  return gif;
}

for (const [why, make] of Object.entries(HIDDEN)) {
  test(`a picture is not taken for smaller than a decoder makes it where ${why}`, async () => {
    const file = await make();
    const { width, height } = await sharp(file).metadata();
    assert.deepEqual([width, height], [37, 21]);
    const told = headOf(file);
    if (told !== undefined) assert.deepEqual([told.width, told.height], [37, 21]);
  });
}

test('what stands before the size of a picture is passed over', async () => {
  const gif = await image().gif().toBuffer();
  const frame = gif.indexOf(Buffer.of(0x2c, 0, 0, 0, 0, 37));
  const comments = [Buffer.of(0x21, 0xfe, 0x00), Buffer.of(0x21, 0xfe, 0x02, 0x2c, 0x2c, 0x01, 0x2c, 0x00)];
  const commented = smallScreen(Buffer.concat([gif.subarray(0, frame), ...comments, gif.subarray(frame)]));
  assert.deepEqual(readImageHead(commented), { form: 'gif', width: 37, height: 21 });
  const jpeg = await image().jpeg().toBuffer();
  // Tables, whose markers stand among those of frames, and a byte that only fills.
  const tables = [0xc4, 0xc8, 0xcc].map((marker) => Buffer.of(0xff, marker, 0, 11, 8, 0, 1, 0, 1, 1, 1, 1, 1));
  const late = Buffer.concat([jpeg.subarray(0, 2), ...tables, Buffer.of(0xff), jpeg.subarray(2)]);
  assert.deepEqual(readImageHead(late), { form: 'jpeg', width: 37, height: 21 });
});

test('no decoder makes of a picture more than was told of it', async () => {
  const random = seededRandom(17);
  const files = await Promise.all(['gif', 'jpeg', 'webp', 'png'].map((form) => FILES[form as 'gif']().toBuffer()));
  const likely = [0x00, 0x01, 0x21, 0x2c, 0x3b, 0x80, 0xc0, 0xd0, 0xd8, 0xfe, 0xff];
  let seen = 0;
  for (let round = 0; round < 3_000; round++) {
    const whole = files[round % files.length] as Buffer;
    const at = 2 + Math.floor(random() * (Math.min(whole.length, 200) - 2));
    const some = Array.from(
      { length: Math.floor(random() * 6) },
      () => likely[Math.floor(random() * likely.length)] ?? 0,
    );
    const left = whole.subarray(at + (round % 3 === 0 ? 0 : some.length));
    const file = Buffer.concat([whole.subarray(0, at), Buffer.from(some), left]);
    const told = headOf(file);
    const made =
      told === undefined
        ? told
        : await sharp(file)
            .metadata()
            .catch(() => undefined);
    if (told === undefined || made === undefined) continue;
    seen += 1;
    assert.ok(made.width * made.height <= told.width * told.height, file.subarray(0, 99).toString('hex'));
  }
  assert.ok(seen > 200, `${seen} were read`);
});

function headOf(file: Buffer): ReturnType<typeof readImageHead> | undefined {
  try {
    return readImageHead(file);
  } catch {
    return undefined;
  }
}

test('bytes that are no picture, or a broken one, are refused and nothing else happens', async () => {
  const whole = await image().jpeg().toBuffer();
  const random = seededRandom(11);
  for (let round = 0; round < 2_000; round++) {
    const bytes = Buffer.from(whole.subarray(0, Math.floor(random() * whole.length)));
    for (let edit = 0; edit < 3 && bytes.length > 2; edit++) {
      bytes[2 + Math.floor(random() * (bytes.length - 2))] = Math.floor(random() * 256);
    }
    try {
      readImageHead(bytes);
    } catch (error) {
      assert.match(String((error as { code?: string }).code), /^(unsupported_media|invalid_image)$/);
    }
  }
  for (const other of ['<svg/>', `RIFF....WAVEfmt ${'.'.repeat(30)}`, `ÿ${'.'.repeat(30)}`]) {
    assert.throws(() => readImageHead(Buffer.from(other, 'latin1')), isProblem('unsupported_media', /png, jpeg/));
  }
});

test('a picture that only claims to be huge is refused by its claim', async () => {
  const png = await image().png().toBuffer();
  png.writeUInt32BE(100_000, 16);
  png.writeUInt32BE(100_000, 20);
  assert.throws(() => readImageHead(png), isProblem('invalid_image', /100000 x 100000/));
  png.writeUInt32BE(0, 16);
  assert.throws(() => readImageHead(png), isProblem('invalid_image', /0 x 100000/));
});
