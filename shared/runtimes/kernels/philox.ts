/**
 * Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): random numbers as a function of a
 * counter and a key, so that every path has its own wherever and in whatever order it is computed.
 */
const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;
const ROUNDS = 10;

/** Writes four words for a counter and a key of 64 bits of each, as two words. */
export function philox(out: Uint32Array, c0: number, c1: number, k0: number, k1: number): void {
  let [x0, x1, x2, x3] = [c0, c1, 0, 0];
  let [key0, key1] = [k0, k1];
  for (let round = 0; round < ROUNDS; round += 1) {
    const [high0, low0] = [highOf(M0, x0), Math.imul(M0, x0) >>> 0];
    const [high1, low1] = [highOf(M1, x2), Math.imul(M1, x2) >>> 0];
    x0 = (high1 ^ x1 ^ key0) >>> 0;
    x1 = low1;
    x2 = (high0 ^ x3 ^ key1) >>> 0;
    x3 = low0;
    key0 = (key0 + W0) >>> 0;
    key1 = (key1 + W1) >>> 0;
  }
  out[0] = x0;
  out[1] = x1;
  out[2] = x2;
  out[3] = x3;
}

/** The upper word of a product of two words: halves, so that no sum needs more than 53 bits. */
function highOf(a: number, b: number): number {
  const [a1, a0, b1, b0] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  return (a1 * b1 + Math.floor((a0 * b1 + middle) / 65_536)) >>> 0;
}

/** The upper 24 bits, in the middle of their interval: between 0 and 1, never either, and exact in float32. */
export function unitOf(word: number): number {
  return ((word >>> 8) + 0.5) / 16_777_216;
}

/** The same in WGSL. */
export const PHILOX_WGSL = /* wgsl */ `
fn high(a: u32, b: u32) -> u32 {
  let a1 = a >> 16u; let a0 = a & 0xffffu; let b1 = b >> 16u; let b0 = b & 0xffffu;
  let low = a0 * b0;
  let m1 = a1 * b0 + (low >> 16u);
  let m2 = a0 * b1 + (m1 & 0xffffu);
  return a1 * b1 + (m1 >> 16u) + (m2 >> 16u);
}
fn philox(c: vec2u, k: vec2u) -> vec4u {
  var x = vec4u(c, 0u, 0u);
  var key = k;
  for (var round = 0u; round < 10u; round++) {
    let h0 = high(0xd2511f53u, x.x); let l0 = 0xd2511f53u * x.x;
    let h1 = high(0xcd9e8d57u, x.z); let l1 = 0xcd9e8d57u * x.z;
    x = vec4u(h1 ^ x.y ^ key.x, l1, h0 ^ x.w ^ key.y, l0);
    key += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return x;
}
fn unit(word: u32) -> f32 { return (f32(word >> 8u) + 0.5) / 16777216.0; }
`;
