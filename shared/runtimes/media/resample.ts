/** Zero crossings of the sinc to each side: 16 leave less than a hundredth of what lies above the new limit. */
const CROSSINGS = 16;

/**
 * The same sound at another rate (both in whole Hz), by a windowed sinc (Hann): what the lower of the two rates cannot
 * hold is filtered out, so that nothing is mirrored into the band of speech.
 */
export function resample(samples: Float32Array, fromHz: number, toHz: number): Float32Array {
  if (fromHz === toHz) return samples;
  const divisor = greatestDivisor(fromHz, toHz);
  const [step, phases] = [fromHz / divisor, toHz / divisor];
  const { kernels, reach } = kernelsOf(step, phases);
  const width = 2 * reach + 1;
  const result = new Float32Array(Math.max(1, Math.round((samples.length * phases) / step)));
  for (let index = 0; index < result.length; index++) {
    const first = Math.floor((index * step) / phases) - reach;
    const kernel = ((index * step) % phases) * width;
    const from = Math.max(0, -first);
    const to = Math.min(width, samples.length - first);
    let sum = 0;
    for (let tap = from; tap < to; tap++) sum += (samples[first + tap] ?? 0) * (kernels[kernel + tap] ?? 0);
    result[index] = sum;
  }
  return result;
}

/** A new sample stands at one of `phases` places between two old ones: its weights of them are worked out once. */
function kernelsOf(step: number, phases: number): { kernels: Float32Array; reach: number } {
  const cutoff = Math.min(1, phases / step);
  const halfWidth = CROSSINGS / cutoff;
  const reach = Math.ceil(halfWidth);
  const width = 2 * reach + 1;
  const kernels = new Float32Array(phases * width);
  for (let phase = 0; phase < phases; phase++) {
    for (let tap = 0; tap < width; tap++) {
      kernels[phase * width + tap] = weight(phase / phases - (tap - reach), cutoff, halfWidth);
    }
  }
  return { kernels, reach };
}

function weight(distance: number, cutoff: number, halfWidth: number): number {
  if (Math.abs(distance) >= halfWidth) return 0;
  const x = Math.PI * distance * cutoff;
  const sinc = x === 0 ? 1 : Math.sin(x) / x;
  return cutoff * sinc * (0.5 + 0.5 * Math.cos((Math.PI * distance) / halfWidth));
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
