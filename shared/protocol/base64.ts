/**
 * Bytes of a base64 text and back. `Uint8Array.fromBase64` is not in Node 24, and `Buffer` is not in a browser.
 */
export function bytesToBase64(bytes: Uint8Array): string {
  let binary = '';
  // String.fromCharCode takes its input as arguments; chunks keep that below every engine's limit. Spread, a file of 25 MiB
  // would keep a node from answering for a second; so it takes an eighth.
  for (let start = 0; start < bytes.length; start += 8_192) {
    binary += Reflect.apply(String.fromCharCode, null, bytes.subarray(start, start + 8_192));
  }
  return btoa(binary);
}

export function base64ToBytes(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Float32 values as little-endian bytes in base64, the wire form of vectors (and of OpenAI's embeddings). */
export function floatsToBase64(values: Float32Array): string {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) view.setFloat32(i * 4, values[i] ?? 0, true);
  return bytesToBase64(bytes);
}

export function base64ToFloats(text: string): Float32Array<ArrayBuffer> {
  const bytes = base64ToBytes(text);
  const view = new DataView(bytes.buffer);
  const values = new Float32Array(bytes.length >> 2);
  for (let i = 0; i < values.length; i++) values[i] = view.getFloat32(i * 4, true);
  return values;
}

/** The form that needs no escape in a URL, a header or a file name, without padding. */
export function bytesToBase64Url(bytes: Uint8Array): string {
  return bytesToBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Undefined for text that is not base64url. */
export function base64UrlToBytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) return undefined;
  return base64ToBytes(text.replaceAll('-', '+').replaceAll('_', '/'));
}
