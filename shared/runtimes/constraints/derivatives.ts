import { type Term, type Terms, tooComplex } from './terms.ts';

/**
 * What may follow a term after each of the 256 bytes, as ids; 0 is `never`. Tables are made when they are first needed
 * and kept with their term.
 */
export type Derivatives = {
  tableOf(term: Term): Int32Array;
  /** How many tables there are. */
  count(): number;
  /** Allows so much more work; each table that goes into another is one. More than is allowed throws. */
  allow(work: number): void;
  /** How much work is allowed still; less than nothing where it was not enough. */
  left(): number;
  /** Gives the memory of all tables back; they are made again where they are needed. */
  forget(): void;
};

/** About a second. Real schemas take some thousands for the first answer, and hardly any for the next. */
const MOST_WORK = 400_000;

export function createDerivatives(terms: Terms): Derivatives {
  const made: Term[] = [];
  let work = 0;

  function tableOf(term: Term): Int32Array {
    if (term.table === null) {
      term.table = createTable(term);
      made.push(term);
    }
    return term.table;
  }

  function createTable(term: Term): Int32Array {
    switch (term.kind) {
      case 'never':
      case 'empty':
        return new Int32Array(256);
      case 'byte':
        return Int32Array.from(term.set, (flag) => flag * terms.empty.id);
      case 'literal': {
        const table = new Int32Array(256);
        table[term.text.charCodeAt(term.at)] = terms.literalFrom(term.text, term.at + 1).id;
        return table;
      }
      case 'sequence': {
        const { head, tail } = term;
        const table = followedBy(tableOf(head), tail);
        return head.nullable ? union([table, tableOf(tail)]) : table;
      }
      case 'choice':
        return union(term.members.map(tableOf));
      case 'repeat': {
        const rest = terms.repeat(term.body, Math.max(0, term.least - 1), term.most - 1);
        return followedBy(tableOf(term.body), rest);
      }
      case 'rule':
        return tableOf(term.rule.body);
      case 'leaf': {
        const table = new Int32Array(256);
        for (const [byte, then] of term.leaf.next(terms)) table[byte] = then.id;
        return table;
      }
    }
  }

  function followedBy(table: Int32Array, tail: Term): Int32Array {
    const result = new Int32Array(256);
    const joined = new Map<number, number>();
    for (let byte = 0; byte < 256; byte++) {
      const id = table[byte] ?? 0;
      if (id === 0) continue;
      let next = joined.get(id);
      if (next === undefined) {
        next = terms.followed(terms.byId(id), tail).id;
        joined.set(id, next);
      }
      result[byte] = next;
    }
    return result;
  }

  function union(tables: readonly Int32Array[]): Int32Array {
    work -= tables.length;
    if (work < 0) throw tooComplex();
    const result = new Int32Array(256);
    const joined = new Map<string, number>();
    for (let byte = 0; byte < 256; byte++) {
      const ids: number[] = [];
      for (const table of tables) {
        const id = table[byte] ?? 0;
        if (id !== 0) ids.push(id);
      }
      if (ids.length < 2) {
        result[byte] = ids[0] ?? 0;
        continue;
      }
      const key = ids.join();
      let next = joined.get(key);
      if (next === undefined) {
        next = terms.choice(ids.map(terms.byId)).id;
        joined.set(key, next);
      }
      result[byte] = next;
    }
    return result;
  }

  return {
    tableOf,
    count: () => made.length,
    allow(more) {
      work = Math.min(work + more, MOST_WORK);
    },
    left: () => work,
    forget() {
      for (const term of made) term.table = null;
      made.length = 0;
    },
  };
}
