import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeCompressed } from '../../../../shared/runtimes/media/compressed-sound.ts';
import { decodeSound } from '../../../../shared/runtimes/media/sound.ts';
import { isProblem } from '../../../support/problems.ts';
import {
  assertIsSweep,
  RECORDING_FORMS,
  RECORDINGS,
  recording,
  SWEEP,
  SWEEP_RATE_HZ,
} from '../../../support/recordings/sweep.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

for (const name of RECORDINGS) {
  test(`a recording in ${name} is heard as it was made, its channels averaged`, async () => {
    assertIsSweep(name, await decodeSound(recording(name)));
  });
}

test('flac loses nothing', async () => {
  const { samples } = await decodeSound(recording('flac'));
  assert.equal(samples.length, SWEEP_RATE_HZ);
  for (const [at, sample] of samples.entries()) assert.ok(Math.abs(sample - (SWEEP[at] ?? 0)) < 1 / 16_384);
});

test('a recording that is too long is refused before all of it is made', async () => {
  for (const name of RECORDINGS) {
    const reading = decodeCompressed(RECORDING_FORMS[name], recording(name), 0.5);
    await assert.rejects(reading, isProblem('invalid_audio', /longer than/), name);
  }
});

test('what breaks off is read as far as it goes, and what holds no sound is refused', async () => {
  for (const name of RECORDINGS) {
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
  for (const name of RECORDINGS) {
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
