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
  assert.throws(() => readImageHead(Buffer.from('<svg/>')), isProblem('unsupported_media', /png, jpeg/));
});

test('a picture that only claims to be huge is refused by its claim', async () => {
  const png = await image().png().toBuffer();
  png.writeUInt32BE(100_000, 16);
  png.writeUInt32BE(100_000, 20);
  assert.throws(() => readImageHead(png), isProblem('invalid_image', /100000 x 100000/));
  png.writeUInt32BE(0, 16);
  assert.throws(() => readImageHead(png), isProblem('invalid_image', /0 x 100000/));
});
