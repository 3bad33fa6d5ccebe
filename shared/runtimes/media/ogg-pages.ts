/** A page has at most so many segments, each of at most 255 bytes; a packet ends with the first that is shorter. */
const MOST_SEGMENTS = 255;
const HEAD_BYTES = 27;
/** The last segment of a packet is shorter than the others, if need be empty. */
const MOST_PACKET_BYTES = MOST_SEGMENTS * 255 - 1;

/** The second header of Opus, for which its decoders ask; says nothing. */
export const OPUS_TAGS = new TextEncoder().encode('OpusTags\0\0\0\0\0\0\0\0');

/**
 * Writes packets as Ogg (RFC 3533), for decoders of that: each header on a page of its own, then as many packets on each as
 * fit. A packet of 64 KB or more is left out: no sound is so large. Places in time are not written, no page is called the last: what
 * the packets hold is heard whole.
 */
export function writeOgg(headers: readonly Uint8Array[], packets: readonly Uint8Array[]): Uint8Array {
  const pages = headers.filter(fits).map((header) => [header]);
  let page: Uint8Array[] = [];
  let segments = 0;
  for (const packet of packets.filter(fits)) {
    const count = segmentsOf(packet);
    if (page.length === 0 || segments + count > MOST_SEGMENTS) {
      page = [];
      pages.push(page);
      segments = 0;
    }
    page.push(packet);
    segments += count;
  }
  const whole = new Uint8Array(pages.reduce((sum, packets) => sum + sizeOf(packets), 0));
  let at = 0;
  for (const [sequence, packets] of pages.entries()) at += writePage(whole.subarray(at), packets, sequence);
  return whole;
}

function fits({ length }: Uint8Array): boolean {
  return length <= MOST_PACKET_BYTES;
}

function segmentsOf({ length }: Uint8Array): number {
  return Math.floor(length / 255) + 1;
}

function sizeOf(packets: readonly Uint8Array[]): number {
  return packets.reduce((sum, packet) => sum + segmentsOf(packet) + packet.length, HEAD_BYTES);
}

function writePage(bytes: Uint8Array, packets: readonly Uint8Array[], sequence: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(0, 0x4f676753);
  bytes[5] = sequence === 0 ? 0x02 : 0;
  view.setUint32(14, 1, true);
  view.setUint32(18, sequence, true);
  let segment = HEAD_BYTES;
  for (const { length } of packets) {
    for (let rest = length; rest >= 255; rest -= 255) bytes[segment++] = 255;
    bytes[segment++] = length % 255;
  }
  bytes[26] = segment - HEAD_BYTES;
  let at = segment;
  for (const packet of packets) {
    bytes.set(packet, at);
    at += packet.length;
  }
  view.setUint32(22, checksumOf(bytes.subarray(0, at)), true);
  return at;
}

/** A CRC of 32 bits, begun with zero and neither reflected nor turned over in the end. */
const CHECKSUMS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte << 24;
  for (let bit = 0; bit < 8; bit++) sum = (sum << 1) ^ (sum < 0 ? 0x04c11db7 : 0);
  return sum;
});

function checksumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum = (sum << 8) ^ (CHECKSUMS[((sum >>> 24) ^ byte) & 0xff] ?? 0);
  return sum >>> 0;
}
