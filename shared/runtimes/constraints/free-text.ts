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
    return following(mark, back, progress).map(([byte, matched]) => [
      byte,
      matched === mark.length ? then : terms.leaf(leafAt(matched)),
    ]);
  }

  return terms.leaf(leafAt(0));
}

/** Any text that ends with the first `mark` in it. */
export function textThrough(terms: Terms, mark: string): Term {
  const back = fallbacks(mark);

  function leafAt(progress: number): Leaf {
    const cost = mark.length - progress;
    return {
      key: `through ${progress} ${mark}`,
      isWhole: true,
      nullable: false,
      cost,
      next: () => nextAt(progress),
    };
  }

  function nextAt(progress: number): [number, Term][] {
    return following(mark, back, progress).map(([byte, matched]) => [
      byte,
      matched === mark.length ? terms.empty : terms.leaf(leafAt(matched)),
    ]);
  }

  return terms.leaf(leafAt(0));
}

/** Which bytes may follow in a text that ends with so much of the mark, each with how much of it the text ends with then. */
function following(mark: string, back: readonly number[], progress: number): [byte: number, matched: number][] {
  const result: [number, number][] = [];
  for (let byte = 0; byte < 256; byte++) {
    let matched = progress;
    while (matched > 0 && mark.charCodeAt(matched) !== byte) matched = back[matched - 1] ?? 0;
    if (mark.charCodeAt(matched) === byte) matched++;
    if (matched > 0 || TEXT_BYTES[byte] === 1) result.push([byte, matched]);
  }
  return result;
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
