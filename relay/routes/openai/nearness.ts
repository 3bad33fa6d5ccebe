import { cosineOf } from '../../../shared/vectors/cosine.ts';
import { floatsOf } from './embeddings.ts';

/** The place of a text in the list that was asked for, and how near it is to the query. */
export type Ranked = { readonly index: number; readonly score: number };

/** Texts by how near their vectors are to the first, which is that of the query. Of equally near ones the earlier comes first. */
export function rankByNearness(vectors: readonly Buffer[]): Ranked[] {
  const [query = [], ...others] = vectors.map(floatsOf);
  const ranked = others.map((vector, index) => ({ index, score: cosineOf(query, vector) }));
  return ranked.sort((a, b) => b.score - a.score || a.index - b.index);
}
