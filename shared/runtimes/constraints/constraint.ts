import { Problem } from '../../problems/problem.ts';
import { createDerivatives } from './derivatives.ts';
import { createJsonText, type JsonText } from './json-text.ts';
import { BYTES_ALONE, createTerms, type Term, type Terms, tooComplex } from './terms.ts';
import { createTokenMasks, type TokenMask } from './token-masks.ts';
import type { Vocabulary } from './vocabulary.ts';

/** What a grammar is written with. `mark` is that of the vocabulary. */
export type GrammarTools = { terms: Terms; json: JsonText; mark: (text: string) => string };
export type GrammarWriter = (tools: GrammarTools) => Term;

/** One answer under a constraint. Tokens that end an answer are not its business; it says when one may come. */
export type ConstrainedAnswer = {
  /** The tokens that may come next, whatever the budget. Not to be changed. */
  mask(): TokenMask;
  /** The tokens that may come next so that the answer can still be completed within its budget. */
  maskWithinBudget(): TokenMask;
  /** Whether the token may come next, the budget included. */
  allows(token: number): boolean;
  /** Goes on with a token that is allowed. */
  accept(token: number): void;
  /** Whether the answer may end here. */
  canEnd(): boolean;
  /** Whether nothing more can follow. */
  isComplete(): boolean;
};

export type Constraint = {
  /** How many tokens are enough for the shortest answer. */
  readonly shortest: number;
  /** An answer of at most `budget` tokens, which is not less than `shortest`. */
  begin(budget: number): ConstrainedAnswer;
  /** Whether it has gathered so much that a fresh one is better. */
  isFull(): boolean;
};

/** 4,096 tables of 1 KB. */
const MOST_TABLES = 4_096;
const FULL_AT_TERMS = 60_000;
/** What an answer may cost beside the model; only patterns that were made to be ambiguous come near. */
const WORK_PER_ANSWER = 200_000;
const WORK_PER_TOKEN = 1_000;

/**
 * Compiles a grammar for the tokens of a model. What is computed for one answer serves all later ones.
 *
 * Throws what the writer throws, `invalid_value` when no answer can satisfy the grammar, and `unsupported_parameter`
 * when the model's tokens cannot spell it.
 */
export function compileConstraint(write: GrammarWriter, vocabulary: Vocabulary): Constraint {
  const terms = createTerms(vocabulary.alphabet());
  const start = writeGrammar(write, terms, vocabulary.mark);
  const trie = vocabulary.trie();
  const derivatives = createDerivatives(terms);
  const masks = createTokenMasks(terms, derivatives, trie);

  function advance(from: Term, token: number): Term {
    let term = from;
    for (const byte of trie.bytesOf(token)) {
      term = terms.byId(derivatives.tableOf(term)[byte] ?? 0);
      if (term === terms.never) return term;
    }
    return term;
  }

  function begin(budget: number): ConstrainedAnswer {
    derivatives.allow(WORK_PER_ANSWER);
    let state = start;
    let left = budget;
    let tried: { token: number; next: Term } | null = null;

    function nextFor(token: number): Term {
      if (tried?.token !== token) tried = { token, next: advance(state, token) };
      return tried.next;
    }

    return {
      mask: () => masks.of(state),
      maskWithinBudget: () => masks.within(state, left - 1),
      allows: (token) => trie.bytesOf(token).length > 0 && terms.costOf(nextFor(token)) <= left - 1,
      accept(token) {
        state = nextFor(token);
        tried = null;
        left--;
        derivatives.allow(WORK_PER_TOKEN);
        if (derivatives.count() <= MOST_TABLES) return;
        derivatives.forget();
        masks.forget();
      },
      canEnd: () => state.nullable,
      isComplete: () => state.nullable && derivatives.tableOf(state).every((id) => id === 0),
    };
  }

  return { shortest: terms.costOf(start), begin, isFull: () => terms.count() > FULL_AT_TERMS };
}

/** Finds out whether a grammar can be compiled, without a tokenizer; throws as `compileConstraint` does. */
export function checkGrammar(write: GrammarWriter): void {
  writeGrammar(write, createTerms(BYTES_ALONE), (text) => text);
}

function writeGrammar(write: GrammarWriter, terms: Terms, mark: (text: string) => string): Term {
  const term = writtenOut(() => {
    const whole = write({ terms, json: createJsonText(terms), mark });
    terms.solve();
    terms.costOf(whole);
    return whole;
  });
  if (terms.costOf(term) === Number.POSITIVE_INFINITY) {
    throw new Problem(
      'invalid_value',
      'No answer can be valid under this format: it asks for things that exclude each other, or for letters that the model cannot write.',
      { param: 'response_format' },
    );
  }
  return term;
}

/** Terms nest as deep as a grammar is long, and a stack that overflows is a grammar that nobody can follow. */
function writtenOut(write: () => Term): Term {
  try {
    return write();
  } catch (error) {
    throw error instanceof RangeError ? tooComplex() : error;
  }
}
