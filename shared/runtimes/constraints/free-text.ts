import { TEXT_BYTES } from './characters.ts';
import type { Leaf, Term, Terms } from './terms.ts';

/**
 * Any text up to the first `mark`, and what comes after it. The text may also end without one. `mark` is in characters
 * that each stand for one byte.
 */
export function textUntil(terms: Terms, mark: string, then: Term): Term {
  const back = fallbacks(mark);

  function leafAt(progress: number): Leaf {
    return { key: `until ${mark} ${then.id} ${progress}`, nullable: true, cost: 0, next: () => nextAt(progress) };
  }

  function nextAt(progress: number): [number, Term][] {
    const result: [number, Term][] = [];
    for (let byte = 0; byte < 256; byte++) {
      let matched = progress;
      while (matched > 0 && mark.charCodeAt(matched) !== byte) matched = back[matched - 1] ?? 0;
      if (mark.charCodeAt(matched) === byte) matched++;
      if (matched === mark.length) result.push([byte, then]);
      else if (matched > 0 || TEXT_BYTES[byte] === 1) result.push([byte, terms.leaf(leafAt(matched))]);
    }
    return result;
  }

  return terms.leaf(leafAt(0));
}

/** Knuth, Morris and Pratt: for each start of the mark, the longest shorter start that it ends with. */
function fallbacks(mark: string): number[] {
  const back = [0];
  for (let at = 1; at < mark.length; at++) {
    let length = back[at - 1] ?? 0;
    while (length > 0 && mark[at] !== mark[length]) length = back[length - 1] ?? 0;
    back.push(mark[at] === mark[length] ? length + 1 : 0);
  }
  return back;
}

/** Any text whose first byte is not `first`; or none. */
export function textNotBeginningWith(terms: Terms, first: number): Term {
  const others = TEXT_BYTES.slice();
  others[first] = 0;
  const any = terms.repeat(terms.byte(TEXT_BYTES), 0, Number.POSITIVE_INFINITY);
  return terms.choice([terms.sequence(terms.byte(others), any), terms.empty]);
}
