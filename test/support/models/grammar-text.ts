import { binary } from '../../../shared/runtimes/constraints/characters.ts';
import type { GrammarWriter } from '../../../shared/runtimes/constraints/constraint.ts';
import { createDerivatives } from '../../../shared/runtimes/constraints/derivatives.ts';
import { createJsonText } from '../../../shared/runtimes/constraints/json-text.ts';
import { BYTES_ALONE, createTerms } from '../../../shared/runtimes/constraints/terms.ts';

/** Answers whether a text is one of a grammar's. */
export function readerOf(write: GrammarWriter): (text: string) => boolean {
  const terms = createTerms(BYTES_ALONE);
  const start = write({ terms, json: createJsonText(terms), mark: (text) => text });
  terms.solve();
  const derivatives = createDerivatives(terms);
  derivatives.allow(100_000);
  return (text) => {
    let state = start;
    for (const byte of binary(text)) state = terms.byId(derivatives.tableOf(state)[byte.charCodeAt(0)] ?? 0);
    return state.nullable;
  };
}
