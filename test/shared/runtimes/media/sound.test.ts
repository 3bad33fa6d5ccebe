import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resample } from '../../../../shared/runtimes/media/resample.ts';
import { decodeSound } from '../../../../shared/runtimes/media/sound.ts';
import { decodeWav, encodeWav } from '../../../../shared/runtimes/media/wav.ts';
import { isProblem } from '../../../support/problems.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

type Form = { code: number; bits: number; channels?: number; extensible?: boolean };

/** A wav file written here, of samples that `write` puts down. */
function wavOf({ code, bits, channels = 1, extensible = false }: Form, data: Buffer, more = Buffer.alloc(0)): Buffer {
  const format = Buffer.alloc(extensible ? 40 : 16);
  format.writeUInt16LE(extensible ? 0xfffe : code, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(8_000, 4);
  format.writeUInt16LE(bits, 14);
  if (extensible) format.writeUInt16LE(code, 24);
  const chunk = (name: string, body: Buffer) => {
    const head = Buffer.alloc(8);
    head.write(name);
    head.writeUInt32LE(body.length, 4);
    return Buffer.concat([head, body, Buffer.alloc(body.length % 2)]);
  };
  const body = Buffer.concat([Buffer.from('WAVE'), chunk('fmt ', format), more, chunk('data', data)]);
  return Buffer.concat([chunk('RIFF', body).subarray(0, 8), body]);
}

const HALF = {
  'PCM of 8 bits': [{ code: 1, bits: 8 }, Buffer.of(192, 64)],
  'PCM of 16 bits': [{ code: 1, bits: 16 }, Buffer.from(Int16Array.of(16_384, -16_384).buffer)],
  'PCM of 24 bits': [{ code: 1, bits: 24 }, Buffer.of(0, 0, 0x40, 0, 0, 0xc0)],
  'PCM of 32 bits': [{ code: 1, bits: 32 }, Buffer.from(Int32Array.of(2 ** 30, -(2 ** 30)).buffer)],
  'floats of 32 bits': [{ code: 3, bits: 32 }, Buffer.from(Float32Array.of(0.5, -0.5).buffer)],
  'floats of 64 bits': [{ code: 3, bits: 64 }, Buffer.from(Float64Array.of(0.5, -0.5).buffer)],
  'the extensible head': [{ code: 1, bits: 16, extensible: true }, Buffer.from(Int16Array.of(16_384, -16_384).buffer)],
} as const;

for (const [name, [form, data]] of Object.entries(HALF)) {
  test(`a wav file with ${name} is read`, () => {
    assert.deepEqual(decodeWav(wavOf(form, data)), { samples: Float32Array.of(0.5, -0.5), rateHz: 8_000 });
  });
}

test('channels are averaged, and chunks that say other things are passed over', () => {
  const data = Buffer.from(Int16Array.of(16_384, 0, -16_384, -16_384).buffer);
  const list = Buffer.concat([Buffer.from('LIST'), Buffer.of(3, 0, 0, 0), Buffer.from('abc\0')]);
  const { samples } = decodeWav(wavOf({ code: 1, bits: 16, channels: 2 }, data, list));
  assert.deepEqual(samples, Float32Array.of(0.25, -0.5));
});

test('a recording that was cut short is read as far as it goes', async () => {
  const whole = wavOf({ code: 1, bits: 16 }, Buffer.from(new Int16Array(100).fill(16_384).buffer));
  assert.equal((await decodeSound(whole.subarray(0, whole.length - 50))).samples.length, 75);
});

test('a broken file is refused, whatever its bytes are', async () => {
  const whole = wavOf({ code: 1, bits: 16 }, Buffer.from(new Int16Array(50).fill(9).buffer));
  const random = seededRandom(7);
  for (let round = 0; round < 2_000; round++) {
    const bytes = Buffer.from(whole.subarray(0, 12 + Math.floor(random() * (whole.length - 12))));
    for (let edit = 0; edit < 4; edit++)
      bytes[12 + Math.floor(random() * (bytes.length - 12))] = Math.floor(random() * 256);
    try {
      await decodeSound(bytes);
    } catch (error) {
      isProblem('invalid_audio', /wav/)(error);
    }
  }
  await assert.rejects(decodeSound(new Uint8Array()), isProblem('invalid_audio', /empty/));
  await assert.rejects(
    decodeSound(wavOf({ code: 6, bits: 8 }, Buffer.of(1, 2))),
    isProblem('invalid_audio', /not known/),
  );
});

test('a value that is no number costs a recording that value alone', () => {
  const floats = Float32Array.of(0.5, Number.NaN, Number.POSITIVE_INFINITY, -0.5);
  const { samples } = decodeWav(wavOf({ code: 3, bits: 32 }, Buffer.from(floats.buffer)));
  assert.deepEqual(samples, Float32Array.of(0.5, 0, 0, -0.5));
});

test('a wav file of more than half an hour, or of a rate that no recording has, is refused', async () => {
  const file = (rateHz: number, seconds: number) => {
    const made = wavOf({ code: 1, bits: 8 }, Buffer.alloc(Math.floor(rateHz * seconds)));
    made.writeUInt32LE(rateHz, 24);
    return made;
  };
  assert.equal((await decodeSound(file(2_000, 1_800))).samples.length, 3_600_000);
  await assert.rejects(decodeSound(file(2_000, 1_800.01)), isProblem('invalid_audio', /longer than 30 minutes/));
  assert.equal((await decodeSound(file(768_000, 0.1))).rateHz, 768_000);
  for (const rateHz of [0, 1_999, 768_001, 2 ** 32 - 1]) {
    const made = file(2_000, 1);
    made.writeUInt32LE(rateHz, 24);
    await assert.rejects(decodeSound(made), isProblem('invalid_audio', new RegExp(`claims ${rateHz} samples`)));
  }
});

test('what is written is read again, clipped to what 16 bits hold', () => {
  const samples = Float32Array.of(0, 0.5, -0.5, 1, -1, 2, -2);
  const { samples: again, rateHz } = decodeWav(encodeWav({ samples, rateHz: 22_050 }));
  assert.equal(rateHz, 22_050);
  const expected = [0, 0.5, -0.5, 1, -1, 1, -1];
  for (const [index, value] of expected.entries()) assert.ok(Math.abs((again[index] ?? 9) - value) < 1e-4);
});

const tone = (hz: number, rateHz: number, length = rateHz / 4) =>
  Float32Array.from({ length }, (_, at) => Math.sin((2 * Math.PI * hz * at) / rateHz));

test('a tone is the same tone at every rate', () => {
  for (const [from, to] of [
    [48_000, 16_000],
    [44_100, 16_000],
    [8_000, 16_000],
    [16_000, 24_000],
  ] as const) {
    const [made, expected] = [resample(tone(1_000, from), from, to), tone(1_000, to)];
    assert.equal(made.length, expected.length);
    // At both ends a part of the window hangs over nothing.
    for (let at = 100; at < expected.length - 100; at++) {
      assert.ok(Math.abs((made[at] ?? 0) - (expected[at] ?? 0)) < 0.02, `${from} to ${to} Hz at ${at}`);
    }
  }
});

test('what the lower rate cannot hold is not mirrored into it', () => {
  const made = resample(tone(11_000, 48_000), 48_000, 16_000);
  const loudest = made.subarray(100, -100).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  assert.ok(loudest < 0.01, `${loudest}`);
});
