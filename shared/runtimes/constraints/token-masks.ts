import type { Derivatives } from './derivatives.ts';
import type { Term, Terms } from './terms.ts';
import type { TokenTrie } from './token-trie.ts';
import { LONGEST_TOKEN_BYTES } from './vocabulary.ts';

/** A bit per token. */
export type TokenMask = Uint32Array;

export type TokenMasks = {
  /** The tokens that may come next. The mask belongs to the cache: it is not to be changed. */
  of(term: Term): TokenMask;
  /** The same, but only tokens after which at most `tokensLeft` more are needed. Computed anew. */
  within(term: Term, tokensLeft: number): TokenMask;
  forget(): void;
};

/** What a term allows as long as it is not over, and the nodes of the tree at which it may be. */
type Local = { mask: TokenMask; ends: Int32Array };

/** A mask of 150,000 tokens has 19 KB. */
const MOST_MASKS = 512;

/**
 * Invariants: (1) the mask of a choice is all masks of its members; (2) the mask of a sequence is what its head allows
 * by itself, which is computed once for all sequences that begin so, and from where the head may end, what its tail
 * allows. So the inside of a string is looked at once, whatever comes after the string.
 */
export function createTokenMasks(terms: Terms, derivatives: Derivatives, trie: TokenTrie): TokenMasks {
  const masks = new Map<Term, TokenMask>();
  const locals = new Map<Term, Local>();
  const tables: Int32Array[] = [];

  function of(term: Term): TokenMask {
    let mask = masks.get(term);
    if (mask === undefined) {
      mask = compute(term);
      if (masks.size >= MOST_MASKS) masks.clear();
      masks.set(term, mask);
    }
    return mask;
  }

  function compute(term: Term): TokenMask {
    if (term.kind === 'choice') {
      const mask = emptyMask(trie);
      for (const member of term.members) addAll(mask, of(member));
      return mask;
    }
    const [head, tail] = term.kind === 'sequence' ? [term.head, term.tail] : [term, null];
    const local = localOf(head);
    if (tail === null) return local.mask;
    const mask = local.mask.slice();
    for (const node of local.ends) {
      if (node === 0) addAll(mask, of(tail));
      else walk(tail, node, (id) => setBit(mask, id));
    }
    return mask;
  }

  function localOf(head: Term): Local {
    const like = withoutDistantEnds(head, terms);
    let local = locals.get(like);
    if (local === undefined) {
      const mask = emptyMask(trie);
      const ends: number[] = like.nullable ? [0] : [];
      walk(
        like,
        0,
        (id) => setBit(mask, id),
        (node, after) => {
          if (after.nullable) ends.push(node);
        },
      );
      local = { mask, ends: Int32Array.from(ends) };
      if (locals.size >= MOST_MASKS) locals.clear();
      locals.set(like, local);
    }
    return local;
  }

  /** Visits the tokens below `from` that begin what `term` allows; `atNode` sees every node on the way. */
  function walk(
    term: Term,
    from: number,
    atToken: (id: number, after: Term) => void,
    atNode?: (node: number, after: Term) => void,
  ): void {
    const { byte, depth, end, token, sameBytes } = trie;
    const start = depth[from] ?? 0;
    const last = end[from] ?? 0;
    tables[start] = derivatives.tableOf(term);
    for (let node = from + 1; node < last; ) {
      const level = depth[node] ?? 0;
      const next = tables[level - 1]?.[byte[node] ?? 0] ?? 0;
      const after = end[node] ?? 0;
      if (next === 0) {
        node = after;
        continue;
      }
      const then = terms.byId(next);
      for (let id = token[node] ?? -1; id !== -1; id = sameBytes[id] ?? -1) atToken(id, then);
      atNode?.(node, then);
      node++;
      if (node < after) tables[level] = derivatives.tableOf(then);
    }
  }

  return {
    of,
    within(term, tokensLeft) {
      const mask = emptyMask(trie);
      walk(term, 0, (id, after) => {
        if (terms.costOf(after) <= tokensLeft) setBit(mask, id);
      });
      return mask;
    },
    forget() {
      masks.clear();
      locals.clear();
    },
  };
}

/** A count that no single token can reach makes no difference to one token. */
function withoutDistantEnds(term: Term, terms: Terms): Term {
  if (term.kind !== 'repeat') return term;
  const least = Math.min(term.least, LONGEST_TOKEN_BYTES + 1);
  const most = term.most > LONGEST_TOKEN_BYTES ? Number.POSITIVE_INFINITY : term.most;
  return terms.repeat(term.body, least, most);
}

function emptyMask(trie: TokenTrie): TokenMask {
  return new Uint32Array(Math.ceil(trie.tokens / 32));
}

function addAll(mask: TokenMask, other: TokenMask): void {
  for (let word = 0; word < mask.length; word++) mask[word] = (mask[word] ?? 0) | (other[word] ?? 0);
}

function setBit(mask: TokenMask, id: number): void {
  const word = id >>> 5;
  mask[word] = (mask[word] ?? 0) | (1 << (id & 31));
}

export function hasBit(mask: TokenMask, id: number): boolean {
  return (((mask[id >>> 5] ?? 0) >>> (id & 31)) & 1) === 1;
}
