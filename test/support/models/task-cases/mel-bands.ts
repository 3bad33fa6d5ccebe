/**
 * How loud the mel bands of a sound are, by the definitions that CLAP was trained with: a periodic Hann window, frames
 * about their middle, Slaney's triangles (librosa's `htk=False, norm='slaney'`), decibels of the power. In float64, and
 * apart from the engine: https://librosa.org/doc/0.11.0/generated/librosa.filters.mel.html
 */
export type MelOptions = {
  readonly rateHz: number;
  readonly frame: number;
  readonly hop: number;
  readonly bands: number;
  readonly fromHz: number;
  readonly toHz: number;
};

const QUIETEST_POWER = 1e-10;

/** The mean of each band over all frames, in decibels. */
export function meanDecibels(samples: Float64Array, options: MelOptions): number[] {
  const { frame, hop, bands } = options;
  const around = reflected(samples, frame / 2);
  const window = Float64Array.from({ length: frame }, (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / frame));
  const filters = triangles(options);
  const sums = new Array<number>(bands).fill(0);
  let frames = 0;
  for (let start = 0; start + frame <= around.length; start += hop, frames++) {
    const powers = spectrum(window.map((weight, at) => weight * (around[start + at] ?? 0)));
    for (const [band, filter] of filters.entries()) {
      const power = filter.reduce((sum, weight, bin) => sum + weight * (powers[bin] ?? 0), 0);
      sums[band] = (sums[band] ?? 0) + 10 * Math.log10(Math.max(QUIETEST_POWER, power));
    }
  }
  return sums.map((sum) => sum / frames);
}

/** With its own mirror image before and behind it; the outermost sample is not repeated. */
function reflected(samples: Float64Array, by: number): Float64Array {
  const last = samples.length - 1;
  return Float64Array.from({ length: samples.length + 2 * by }, (_, at) => {
    const place = Math.abs(at - by);
    return samples[place > last ? 2 * last - place : place] ?? 0;
  });
}

/** What each bin of the spectrum counts in each band; the area of a triangle is the same in all. */
function triangles({ rateHz, frame, bands, fromHz, toHz }: MelOptions): number[][] {
  const [from, to] = [melOf(fromHz), melOf(toHz)];
  const corners = Array.from({ length: bands + 2 }, (_, at) => hzOf(from + ((to - from) * at) / (bands + 1)));
  return Array.from({ length: bands }, (_, band) => {
    const [left = 0, middle = 0, right = 0] = corners.slice(band, band + 3);
    return Array.from({ length: frame / 2 + 1 }, (_, bin) => {
      const hz = (bin * rateHz) / frame;
      const rise = Math.min((hz - left) / (middle - left), (right - hz) / (right - middle));
      return (2 / (right - left)) * Math.max(0, rise);
    });
  });
}

/** Straight up to 1 kHz, where it has come to 15; from there 27 steps are a factor of 6.4. */
const melOf = (hz: number) => (hz < 1_000 ? (3 * hz) / 200 : 15 + (27 * Math.log(hz / 1_000)) / Math.log(6.4));
const hzOf = (mel: number) => (mel < 15 ? (200 * mel) / 3 : 1_000 * 6.4 ** ((mel - 15) / 27));

/** Squares of the lengths of the Fourier coefficients, up to half of the rate. */
function spectrum(values: Float64Array): number[] {
  const { real, imaginary } = fourier(values);
  return Array.from({ length: values.length / 2 + 1 }, (_, bin) => (real[bin] ?? 0) ** 2 + (imaginary[bin] ?? 0) ** 2);
}

/** Of a power of two of values: those at even and those at odd places, put together (Cooley and Tukey). */
function fourier(values: Float64Array): { real: Float64Array; imaginary: Float64Array } {
  const length = values.length;
  if (length === 1) return { real: values, imaginary: new Float64Array(1) };
  const half = length / 2;
  const even = fourier(values.filter((_, at) => at % 2 === 0));
  const odd = fourier(values.filter((_, at) => at % 2 === 1));
  const real = new Float64Array(length);
  const imaginary = new Float64Array(length);
  for (let bin = 0; bin < half; bin++) {
    const [cosine, sine] = [Math.cos((2 * Math.PI * bin) / length), Math.sin((2 * Math.PI * bin) / length)];
    const turnedReal = cosine * (odd.real[bin] ?? 0) + sine * (odd.imaginary[bin] ?? 0);
    const turnedImaginary = cosine * (odd.imaginary[bin] ?? 0) - sine * (odd.real[bin] ?? 0);
    real[bin] = (even.real[bin] ?? 0) + turnedReal;
    real[bin + half] = (even.real[bin] ?? 0) - turnedReal;
    imaginary[bin] = (even.imaginary[bin] ?? 0) + turnedImaginary;
    imaginary[bin + half] = (even.imaginary[bin] ?? 0) - turnedImaginary;
  }
  return { real, imaginary };
}
