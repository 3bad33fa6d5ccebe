/** A source of numbers in [0, 1). */
export type Random = () => number;

/**
 * A seeded generator (xoshiro128**, state filled by splitmix32): the same seed gives the same numbers on every machine.
 * Any integer is a seed; both halves of its 53 bits count.
 */
export function createRandom(seed: number): Random {
  const low = splitMix(seed >>> 0);
  const high = splitMix(Math.floor(seed / 2 ** 32) >>> 0);
  let [a, b, c, d] = [low(), low(), high(), high()];
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return (result >>> 0) / 2 ** 32;
  };
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function splitMix(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return mixed ^ (mixed >>> 15);
  };
}
