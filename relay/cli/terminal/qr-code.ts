import { encodeQR } from 'qr';

/** A QR code in half blocks for a terminal, light on dark as cameras like it. The one file that knows the library. */
export function qrCode(text: string): string {
  return encodeQR(text, 'ascii', { ecc: 'low', border: 2 }).trimEnd();
}
