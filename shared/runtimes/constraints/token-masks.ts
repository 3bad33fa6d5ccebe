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

/** What a term allows as long as it is not over, and a bit for each node of the tree at which it may be. */
type Local = { mask: TokenMask; ends: Uint32Array };

/** What all grammars of a model share: the insides of strings and numbers are the same under every schema. */
const sharedLocals = new WeakMap<TokenTrie, Map<string, Local>>();

/** A mask of 150,000 tokens has 19 KB. */
const MOST_MASKS = 512;

/**
 * Invariants: (1) the mask of a choice is all masks of its members; (2) the mask of a sequence is what its head allows
 * by itself, which is computed once for all sequences that begin so, and from where the head may end, what its tail
 * allows. So the inside of a string is looked at once, whatever comes after the string. (3) What is computed for a head says
 * nothing of its grammar, so that it serves every grammar for the same tokens.
 */
export function createTokenMasks(terms: Terms, derivatives: Derivatives, trie: TokenTrie): TokenMasks {
  const masks = new Map<Term, TokenMask>();
  const locals = new Map<Term, Local>();
  const tables: Int32Array[] = [];
  const shared = sharedLocals.get(trie) ?? new Map<string, Local>();
  sharedLocals.set(trie, shared);

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
    if (hasBit(local.ends, 0)) addAll(mask, of(tail));
    markTails(tail, local.ends, mask);
    return mask;
  }

  /** Marks what goes on with `tail` at any of the nodes `ends` but the root: few bytes begin most tails. */
  function markTails(tail: Term, ends: Uint32Array, mask: TokenMask): void {
    const { parent, nodesOf } = trie;
    for (const [byte, next] of derivatives.tableOf(tail).entries()) {
      if (next === 0) continue;
      const then = terms.byId(next);
      for (const node of nodesOf(byte)) {
        const from = parent[node] ?? 0;
        if (from === 0 || !hasBit(ends, from)) continue;
        markTokensAt(node, mask);
        mark(then, node, mask, null);
      }
    }
  }

  function markTokensAt(node: number, mask: TokenMask): void {
    for (let id = trie.token[node] ?? -1; id !== -1; id = trie.sameBytes[id] ?? -1) setBit(mask, id);
  }

  function localOf(head: Term): Local {
    const like = withoutDistantEnds(head, terms);
    let local = locals.get(like);
    if (local === undefined) {
      local = sharedLocalOf(like);
      if (locals.size >= MOST_MASKS) locals.clear();
      locals.set(like, local);
    }
    return local;
  }

  function sharedLocalOf(like: Term): Local {
    const key = keyOf(like);
    const known = key === null ? undefined : shared.get(key);
    if (known !== undefined) return known;
    const local = { mask: emptyMask(trie), ends: new Uint32Array(Math.ceil(trie.nodes / 32)) };
    if (like.nullable) setBit(local.ends, 0);
    mark(like, 0, local.mask, local.ends);
    if (shared.size >= MOST_MASKS) shared.clear();
    if (key !== null) shared.set(key, local);
    return local;
  }

  /**
   * Marks the tokens below `from` that begin what `term` allows, and in `ends` the nodes where it may be over and more can
   * follow in the same token. It visits a hundred thousand nodes: nothing is called in it that need not be.
   */
  function mark(term: Term, from: number, mask: TokenMask, ends: Uint32Array | null): void {
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
      for (let id = token[node] ?? -1; id !== -1; id = sameBytes[id] ?? -1) setBit(mask, id);
      if (node + 1 < after) {
        const then = terms.byId(next);
        if (ends !== null && then.nullable) setBit(ends, node);
        tables[level] = derivatives.tableOf(then);
      }
      node++;
    }
  }

  /** Visits the tokens that begin what `term` allows, with what may follow each. */
  function visit(term: Term, atToken: (id: number, after: Term) => void): void {
    const { byte, depth, end, token, sameBytes } = trie;
    tables[0] = derivatives.tableOf(term);
    for (let node = 1; node < trie.nodes; ) {
      const level = depth[node] ?? 0;
      const next = tables[level - 1]?.[byte[node] ?? 0] ?? 0;
      const after = end[node] ?? 0;
      if (next === 0) {
        node = after;
        continue;
      }
      const then = terms.byId(next);
      for (let id = token[node] ?? -1; id !== -1; id = sameBytes[id] ?? -1) atToken(id, then);
      node++;
      if (node < after) tables[level] = derivatives.tableOf(then);
    }
  }

  return {
    of,
    within(term, tokensLeft) {
      const mask = emptyMask(trie);
      visit(term, (id, after) => {
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

/** Longer ones are the whole of a schema, which nobody else has. */
const LONGEST_KEY = 40_000;

/** A term by what it is made of, the same in every grammar; null where that cannot be told, or would be long. */
function keyOf(term: Term): string | null {
  const parts: string[] = [];
  let length = 0;
  const put = (text: string): boolean => {
    parts.push(text);
    length += text.length + 1;
    return length <= LONGEST_KEY;
  };
  const write = (of: Term): boolean => {
    switch (of.kind) {
      case 'never':
      case 'empty':
        return put(of.kind);
      case 'byte':
        return put(of.set.join(''));
      case 'literal':
        return put(`l${of.text.length - of.at}:${of.text.slice(of.at)}`);
      case 'sequence':
        return put('s') && write(of.head) && write(of.tail);
      case 'choice':
        return put(`c${of.members.length}`) && of.members.every(write);
      case 'repeat':
        return put(`r${of.least},${of.most}`) && write(of.body);
      case 'leaf':
        return of.leaf.isWhole === true && put(`f${of.leaf.key}`);
      case 'rule':
        return false;
    }
  };
  return write(term) ? parts.join(' ') : null;
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
