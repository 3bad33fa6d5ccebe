import { encodeQR } from 'qr';
import sharp from 'sharp';

type Pixels = { data: Uint8Array; width: number; height: number };

/** A PNG of codes beside each other, as a screenshot has them. */
export async function pictureOfCodes(...texts: string[]): Promise<Buffer> {
  const codes = await Promise.all(texts.map((text) => pictureOf(encodeQR(text, 'raw', { border: 4 }))));
  const side = Math.max(0, ...codes.map(({ width }) => width)) + 20;
  const canvas = { width: 40 + side * codes.length, height: 40 + side, channels: 3 as const, background: '#f4f4f2' };
  const layers = codes.map(({ png }, index) => ({ input: png, left: 20 + index * side, top: 20 }));
  return sharp({ create: canvas }).composite(layers).png().toBuffer();
}

async function pictureOf(rows: readonly boolean[][]): Promise<{ png: Buffer; width: number }> {
  const { data, width, height } = pixelsOf(rows);
  const png = sharp(data, { raw: { width, height, channels: 4 } });
  return { png: await png.png().toBuffer(), width };
}

/** What a terminal shows of half blocks: light where they are filled, or dark in a terminal with a light ground. */
export function pixelsOfTerminal(text: string, isDarkTerminal: boolean): Pixels {
  const lines = text.split('\n').map((line) => [...line]);
  const rows = lines.flatMap((line) => [
    line.map((half) => '█▀'.includes(half)),
    line.map((half) => '█▄'.includes(half)),
  ]);
  return pixelsOf(rows.map((row) => row.map((isFilled) => isFilled !== isDarkTerminal)));
}

const MODULE_PX = 4;

function pixelsOf(rows: readonly boolean[][]): Pixels {
  const [width, height] = [(rows[0]?.length ?? 0) * MODULE_PX, rows.length * MODULE_PX];
  const data = new Uint8Array(width * height * 4).fill(255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (rows[Math.floor(y / MODULE_PX)]?.[Math.floor(x / MODULE_PX)])
        data.fill(0, 4 * (y * width + x), 4 * (y * width + x) + 3);
    }
  }
  return { data, width, height };
}
