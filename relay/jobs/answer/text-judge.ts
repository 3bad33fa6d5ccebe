import { utf8Of } from '../../../shared/runtimes/constraints/characters.ts';
import { createDerivatives } from '../../../shared/runtimes/constraints/derivatives.ts';
import { readPattern } from '../../../shared/runtimes/constraints/pattern.ts';
import { BYTES_ALONE, createTerms } from '../../../shared/runtimes/constraints/terms.ts';
import { createRecentMap } from '../../recent-map.ts';

/** Tells whether a text matches a pattern; also true where that cannot be found out with the work that is left. */
export type TextJudge = (source: string, text: string, where?: 'anywhere' | 'whole') => boolean;

type Matcher = { matches(text: string): boolean; isLarge(): boolean; setWork(work: number): void; workLeft(): number };

/** Of an answer, some 50 ms; the patterns that people write take some dozens, and nothing once they are known. */
const WORK_PER_ANSWER = 300;
/** With tables of 1 KB. */
const MOST_TABLES = 256;
const MOST_TERMS = 10_000;
const matchers = createRecentMap<Matcher>(64);
const encoder = new TextEncoder();

/** For one answer, in a time that grows with its length alone, whatever the patterns are. */
export function createTextJudge(): TextJudge {
  let work = WORK_PER_ANSWER;
  return (source, text, where = 'anywhere') => {
    const key = `${where} ${source}`;
    const known = matchers.get(key);
    if (known === undefined && work === 0) return true;
    try {
      const matcher = known ?? createMatcher(source, where);
      matcher.setWork(work);
      try {
        return matcher.matches(text);
      } finally {
        work = Math.max(0, matcher.workLeft());
        matchers.set(key, matcher.isLarge() ? createMatcher(source, where) : matcher);
      }
    } catch {
      return true;
    }
  };
}

function createMatcher(source: string, where: 'anywhere' | 'whole'): Matcher {
  const terms = createTerms(BYTES_ALONE);
  const start = readPattern(source, 'pattern', where).toTerm(terms, (set) => utf8Of(terms, set));
  const derivatives = createDerivatives(terms);
  return {
    matches: (text) => {
      let term = start;
      for (const byte of encoder.encode(text)) {
        term = terms.byId(derivatives.tableOf(term)[byte] ?? 0);
        if (term === terms.never) return false;
      }
      return term.nullable;
    },
    isLarge: () => derivatives.count() > MOST_TABLES || terms.count() > MOST_TERMS,
    setWork: (work) => derivatives.allow(work - derivatives.left()),
    workLeft: derivatives.left,
  };
}
