import sharp from 'sharp';

export type Rgb = readonly [red: number, green: number, blue: number];
export const [RED, GREEN, BLUE, BLACK, WHITE]: readonly [Rgb, Rgb, Rgb, Rgb, Rgb] = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [0, 0, 0],
  [255, 255, 255],
];

export type Pixels = {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Buffer;
};

export function paint(width: number, height: number, colourAt: (x: number, y: number) => Rgb): Pixels {
  const data = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data.set(colourAt(x, y), (y * width + x) * 3);
  return { width, height, channels: 3, data };
}

/** The bytes of a file, in base64. */
export async function pictureFile(pixels: Pixels, form: 'png' | 'jpeg' | 'webp' | 'gif' = 'png'): Promise<string> {
  const { data, width, height } = pixels;
  const image = sharp(data, { raw: { width, height, channels: 3 } });
  const file = form === 'webp' ? image.webp({ lossless: true }) : image.toFormat(form);
  return (await file.toBuffer()).toString('base64');
}

/** The pixels of a file in base64, as many channels as it has. */
export async function readPicture(file: unknown): Promise<Pixels> {
  const image = sharp(Buffer.from(String(file), 'base64')).raw();
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels };
}
