/** A text on its way through a model, and how many columns it takes of a pass: its tokens, and those it may grow by. */
export type Row = { readonly columns: number };

/** Rows per forward pass: measured on MiniLM and smaller, more than 32 gain nothing. */
const ROWS_PER_FORWARD = 32;
/** Padded tokens per forward pass: 16 texts of 512 tokens keep a base-size encoder's activations under 1 GB. */
export const TOKENS_PER_FORWARD = 8_192;
/** Of so many that wait those of like length are looked for, so that little is padded. */
const ROWS_LOOKED_AT = 256;

/**
 * Takes the next batch out of what waits: the row that has waited longest, and those of the most similar length that fit
 * beside it. So nobody waits for ever, and little is padded.
 */
export function takeBatch<R extends Row>(waiting: R[]): R[] {
  const [oldest] = waiting;
  if (oldest === undefined) return [];
  const far = ({ columns }: R): number => Math.abs(columns - oldest.columns);
  const nearest = waiting.slice(0, ROWS_LOOKED_AT).sort((left, right) => far(left) - far(right));
  const batch: R[] = [];
  let columns = oldest.columns;
  for (const row of nearest) {
    const widened = Math.max(columns, row.columns);
    if (batch.length > 0 && (batch.length + 1) * widened > TOKENS_PER_FORWARD) break;
    batch.push(row);
    columns = widened;
    if (batch.length === ROWS_PER_FORWARD) break;
  }
  const taken = new Set(batch);
  let kept = 0;
  for (const row of waiting) if (!taken.has(row)) waiting[kept++] = row;
  waiting.length = kept;
  return batch;
}
