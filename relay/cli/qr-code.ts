import { renderUnicodeCompact } from 'uqr';

/** A QR code in half blocks for a terminal, light on dark as cameras like it. The one file that knows the library. */
export function qrCode(text: string): string {
  return renderUnicodeCompact(text, { ecc: 'L', border: 2 });
}
