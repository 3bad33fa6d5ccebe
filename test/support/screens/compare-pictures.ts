import sharp from 'sharp';

export type Difference = {
  /** Of all pixels, 0 to 1; 1 where the pictures are of different size. */
  share: number;
  /** The least box that holds all of them, in pixels: who has no picture at hand looks for it on the page. */
  where: string;
  /** Draws the pixels that differ in red, over the pale picture. */
  picture(): Promise<Buffer>;
};

type Raw = { data: Buffer; width: number; height: number };

/** The same line may be smoothed a little otherwise by another build of Chromium; a colour of the theme is further away. */
const CHANNEL_TOLERANCE = 24;
const RGB = 3;

/** Compares two PNGs pixel by pixel. Rejects with sharp's own error when one of them is none. */
export async function comparePictures(expected: Buffer, actual: Buffer): Promise<Difference> {
  const [before, after] = await Promise.all([decode(expected), decode(actual)]);
  if (before.width !== after.width || before.height !== after.height) {
    const where = `everywhere: ${after.width} × ${after.height} instead of ${before.width} × ${before.height}`;
    return { share: 1, where, picture: async () => actual };
  }
  const differing: number[] = [];
  for (let at = 0; at < after.data.length; at += RGB)
    if (differsAt(before.data, after.data, at)) differing.push(at / RGB);
  return {
    share: differing.length / (after.width * after.height),
    where: boxOf(differing, after.width),
    picture: () => markDifferences(before, after),
  };
}

function boxOf(pixels: readonly number[], pictureWidth: number): string {
  const [xs, ys] = [pixels.map((at) => at % pictureWidth), pixels.map((at) => Math.floor(at / pictureWidth))];
  const span = (values: number[]): [number, number] =>
    values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
  const [[left, right], [top, bottom]] = [span(xs), span(ys)];
  return pixels.length === 0 ? 'nowhere' : `from ${left}, ${top} to ${right}, ${bottom}`;
}

function markDifferences(before: Raw, { data, width, height }: Raw): Promise<Buffer> {
  const marked = Buffer.alloc(data.length);
  for (let at = 0; at < data.length; at += RGB) {
    const differs = differsAt(before.data, data, at);
    for (let channel = 0; channel < RGB; channel++) {
      marked[at + channel] = differs ? (channel === 0 ? 255 : 0) : 192 + (data[at + channel] ?? 0) / 4;
    }
  }
  return sharp(marked, { raw: { width, height, channels: RGB } })
    .png()
    .toBuffer();
}

/** As pictures are kept: without what no eye sees, which is two thirds of their bytes. */
export async function smallPicture(png: Buffer): Promise<Buffer> {
  return sharp(png).removeAlpha().png({ palette: true, colours: 128, dither: 0, effort: 7 }).toBuffer();
}

function differsAt(before: Buffer, after: Buffer, at: number): boolean {
  for (let channel = at; channel < at + RGB; channel++) {
    if (Math.abs((before[channel] ?? 0) - (after[channel] ?? 0)) > CHANNEL_TOLERANCE) return true;
  }
  return false;
}

async function decode(png: Buffer): Promise<Raw> {
  const { data, info } = await sharp(png)
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}
