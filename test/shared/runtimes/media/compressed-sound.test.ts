import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { decodeCompressed } from '../../../../shared/runtimes/media/compressed-sound.ts';
import { resample } from '../../../../shared/runtimes/media/resample.ts';
import { decodeSound } from '../../../../shared/runtimes/media/sound.ts';
import { isProblem } from '../../../support/problems.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

const RATE_HZ = 16_000;
/** Codecs add silence before what they were given. */
const MOST_DELAY = 2_500;
const FORMS = { flac: 'flac', mp3: 'mp3', ogg: 'vorbis', opus: 'opus' } as const;

function recording(name: keyof typeof FORMS): Uint8Array {
  return readFileSync(new URL(`../../../support/recordings/sweep.${name}`, import.meta.url));
}

const SWEEP = Float32Array.from({ length: RATE_HZ }, (_, at) => {
  const t = at / RATE_HZ;
  return 0.375 * Math.sin(2 * Math.PI * (300 + 400 * t) * t);
});

/** The cosine of the angle between the sweep and what was heard, from a sample on. */
function likeness(heard: Float32Array, from: number): number {
  let [product, own, other] = [0, 0, 0];
  for (let at = 0; at < 12_000; at++) {
    const [a = 0, b = 0] = [SWEEP[at], heard[at + from]];
    product += a * b;
    own += a * a;
    other += b * b;
  }
  return product / Math.sqrt(own * other);
}

for (const name of ['flac', 'mp3', 'ogg', 'opus'] as const) {
  test(`a recording in ${name} is heard as it was made, its channels averaged`, async () => {
    const { samples, rateHz } = await decodeSound(recording(name));
    assert.equal(rateHz, name === 'opus' ? 48_000 : RATE_HZ);
    const heard = resample(samples, rateHz, RATE_HZ);
    assert.ok(Math.abs(heard.length - RATE_HZ) < MOST_DELAY, `${heard.length} samples`);
    const best = Math.max(...Array.from({ length: MOST_DELAY }, (_, from) => likeness(heard, from)));
    assert.ok(best > 0.99, `likeness ${best}`);
    assert.ok(Math.max(...heard) > 0.34 && Math.max(...heard) < 0.42, 'as loud as it was');
  });
}

test('flac loses nothing', async () => {
  const { samples } = await decodeSound(recording('flac'));
  assert.equal(samples.length, RATE_HZ);
  for (const [at, sample] of samples.entries()) assert.ok(Math.abs(sample - (SWEEP[at] ?? 0)) < 1 / 16_384);
});

test('a recording that is too long is refused before all of it is made', async () => {
  for (const name of ['flac', 'mp3', 'ogg', 'opus'] as const) {
    const reading = decodeCompressed(FORMS[name], recording(name), 0.5);
    await assert.rejects(reading, isProblem('invalid_audio', /longer than/), name);
  }
});

test('what breaks off is read as far as it goes, and what holds no sound is refused', async () => {
  for (const name of ['flac', 'mp3', 'ogg', 'opus'] as const) {
    const whole = recording(name);
    await assert.rejects(decodeSound(whole.subarray(0, 60)), isProblem('invalid_audio', /no sound/), name);
    // Here all sound of the others is in one page.
    if (name === 'ogg' || name === 'opus') continue;
    const { samples, rateHz } = await decodeSound(whole.subarray(0, Math.floor(whole.length / 2)));
    assert.ok(samples.length > 0.1 * rateHz && samples.length < 0.9 * rateHz, `${name}: ${samples.length / rateHz} s`);
  }
});

test('whatever its bytes are, a recording is read or refused', async () => {
  const random = seededRandom(11);
  for (const name of ['flac', 'mp3', 'ogg', 'opus'] as const) {
    for (let round = 0; round < 25; round++) {
      const bytes = Uint8Array.from(recording(name));
      for (let edit = 0; edit < 40; edit++) bytes[40 + Math.floor(random() * (bytes.length - 40))] = random() * 256;
      try {
        const { samples } = await decodeSound(bytes);
        assert.ok(samples.every(Number.isFinite), name);
      } catch (error) {
        isProblem('invalid_audio', /./)(error);
      }
    }
  }
});
