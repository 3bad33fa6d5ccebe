import { floatsOf } from './openai/embeddings.ts';

/** The place of a text in the list that was asked for, and how near it is to the query. */
export type Ranked = { readonly index: number; readonly score: number };

/** Texts by how near their vectors are to the first, which is that of the query. Of equally near ones the earlier comes first. */
export function rankByNearness(vectors: readonly Buffer[]): Ranked[] {
  const [query = [], ...others] = vectors.map(floatsOf);
  const ranked = others.map((vector, index) => ({ index, score: cosine(query, vector) }));
  return ranked.sort((a, b) => b.score - a.score || a.index - b.index);
}

/** The cosine of the angle between two vectors; 0 where one of them has no direction. */
export function cosine(a: readonly number[], b: readonly number[]): number {
  let [product, aa, bb] = [0, 0, 0];
  for (const [index, x] of a.entries()) {
    const y = b[index] ?? 0;
    product += x * y;
    aa += x * x;
    bb += y * y;
  }
  const length = Math.sqrt(aa * bb);
  return length === 0 ? 0 : Math.max(-1, Math.min(1, product / length));
}
