/** Zero crossings of the sinc to each side: 16 leave less than a hundredth of what lies above the new limit. */
const CROSSINGS = 16;

/**
 * The same sound at another rate, by a windowed sinc (Hann): what the lower of the two rates cannot hold is filtered
 * out, so that nothing is mirrored into the band of speech.
 */
export function resample(samples: Float32Array, fromHz: number, toHz: number): Float32Array {
  if (fromHz === toHz) return samples;
  const step = fromHz / toHz;
  const cutoff = Math.min(1, toHz / fromHz);
  const reach = CROSSINGS / cutoff;
  const length = Math.max(1, Math.round(samples.length / step));
  const result = new Float32Array(length);
  for (let index = 0; index < length; index++) {
    const centre = index * step;
    const first = Math.max(0, Math.ceil(centre - reach));
    const last = Math.min(samples.length - 1, Math.floor(centre + reach));
    let sum = 0;
    for (let at = first; at <= last; at++) {
      sum += (samples[at] ?? 0) * kernel(centre - at, cutoff, reach);
    }
    result[index] = sum;
  }
  return result;
}

function kernel(distance: number, cutoff: number, reach: number): number {
  const x = Math.PI * distance * cutoff;
  const sinc = x === 0 ? 1 : Math.sin(x) / x;
  return cutoff * sinc * (0.5 + 0.5 * Math.cos((Math.PI * distance) / reach));
}
