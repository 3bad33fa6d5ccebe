import { ALL_CHARACTERS, binary, type CodePoints, normalized, utf8Of, within, without } from './characters.ts';
import { byteSet, type Term, type Terms } from './terms.ts';

/**
 * JSON as the answers of models are held to it: a space may follow a comma or a colon, and there is no other white
 * space, so that no answer can get lost in it. Numbers have at most 15 digits before the point, 15 after it and two in
 * the exponent, so that every parser reads the same.
 */
export type JsonText = {
  /** A string with its quotes; lengths count characters as JSON Schema does. */
  string(least: number, most: number): Term;
  /** One character out of `set` inside a string, escaped where it must be. */
  characterOf(set: CodePoints): Term;
  /** The name of a member that is none of `names`, with its quotes; written without escapes, so that it cannot be. */
  nameExcept(names: readonly string[]): Term;
  readonly number: Term;
  readonly integer: Term;
  /** Any value, with arrays and objects up to a fixed depth inside each other. */
  any(): Term;
  /** Any object. */
  anyObject(): Term;
  /** A value that is known, written out. */
  value(value: unknown): Term;
  text(text: string): Term;
  readonly comma: Term;
  readonly colon: Term;
};

/** Where nothing says how deep a value may go, this is deeper than anybody reads. */
const DEEPEST_ANY = 12;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SHORT_ESCAPES: Record<number, string> = { 8: 'b', 9: 't', 10: 'n', 12: 'f', 13: 'r' };
const MUST_ESCAPE: CodePoints = normalized([
  [0, 0x1f],
  [QUOTE, QUOTE],
  [BACKSLASH, BACKSLASH],
]);

export function createJsonText(terms: Terms): JsonText {
  const text = (plain: string): Term => terms.literal(binary(plain));
  const digit = terms.byte(byteSet([0x30, 0x39]));
  const optional = (term: Term): Term => terms.choice([term, terms.empty]);
  const space = optional(text(' '));
  const comma = terms.sequence(text(','), space);
  const colon = terms.sequence(text(':'), space);
  const quote = text('"');

  const hex = terms.byte(byteSet([0x30, 0x39], [0x41, 0x46], [0x61, 0x66]));
  const oneOf = (characters: string): Term =>
    terms.byte(byteSet(...[...characters].map((it) => [it.charCodeAt(0), it.charCodeAt(0)] as const)));
  const [d, u] = [oneOf('dD'), text('\\u')];
  const escaping = terms.choice([
    terms.sequence(text('\\'), oneOf('"\\/bfnrt')),
    terms.sequence(
      u,
      terms.choice([
        terms.sequence(oneOf('0123456789abcefABCEF'), hex, hex, hex),
        terms.sequence(d, oneOf('01234567'), hex, hex),
        terms.sequence(d, oneOf('89abAB'), hex, hex, u, d, oneOf('cdefCDEF'), hex, hex),
      ]),
    ),
  ]);
  const plainCharacters = without(ALL_CHARACTERS, MUST_ESCAPE);
  const plain = utf8Of(terms, plainCharacters);
  const character = terms.choice([plain, escaping]);

  const characters = new Map<string, Term>();

  function characterOf(set: CodePoints): Term {
    const key = set.join();
    const known = characters.get(key) ?? createCharacter(set);
    characters.set(key, known);
    return known;
  }

  function createCharacter(set: CodePoints): Term {
    const escaped = within(set, MUST_ESCAPE).flatMap(([from, to]) =>
      Array.from({ length: to - from + 1 }, (_, at) => text(escapeOf(from + at))),
    );
    return terms.choice([utf8Of(terms, without(set, MUST_ESCAPE)), ...escaped]);
  }

  function nameExcept(names: readonly string[]): Term {
    const encoded = names.map((name) => binary(JSON.stringify(name).slice(1, -1)));
    return terms.sequence(quote, anythingBut(encoded), quote);
  }

  /** Text of plain characters that is none of `rests`. */
  function anythingBut(rests: readonly string[]): Term {
    const anything = terms.repeat(plain, 0, Number.POSITIVE_INFINITY);
    if (rests.length === 0) return anything;
    const byFirst = Map.groupBy(
      rests.filter((rest) => rest !== ''),
      (rest) => rest.charCodeAt(0),
    );
    const ways = [...byFirst].flatMap(([byte, of]) => {
      // Names that begin beyond ASCII are left out as a whole: the rest of a character would have to be followed.
      if (byte >= 0x80 || byte === BACKSLASH) return [];
      return [terms.sequence(terms.literal(String.fromCharCode(byte)), anythingBut(of.map((rest) => rest.slice(1))))];
    });
    const firsts: CodePoints = [...byFirst.keys()].map((byte) =>
      byte >= 0x80 ? ([0x80, 0x10ffff] as const) : ([byte, byte] as const),
    );
    const other = utf8Of(terms, without(plainCharacters, normalized(firsts)));
    ways.push(terms.sequence(other, anything));
    if (!rests.includes('')) ways.push(terms.empty);
    return terms.choice(ways);
  }

  const whole = terms.choice([
    text('0'),
    terms.sequence(terms.byte(byteSet([0x31, 0x39])), terms.repeat(digit, 0, 14)),
  ]);
  // Minus zero is a number, but not every reader takes it for an integer.
  const integer = terms.choice([
    text('0'),
    terms.sequence(optional(text('-')), terms.byte(byteSet([0x31, 0x39])), terms.repeat(digit, 0, 14)),
  ]);
  const number = terms.sequence(
    optional(text('-')),
    whole,
    optional(terms.sequence(text('.'), terms.repeat(digit, 1, 15))),
    optional(terms.sequence(oneOf('eE'), optional(oneOf('+-')), terms.repeat(digit, 1, 2))),
  );
  const string = (least: number, most: number): Term =>
    terms.sequence(quote, terms.repeat(character, least, most), quote);

  let anyTerms: { any: Term; anyObject: Term } | null = null;

  function getAny(): { any: Term; anyObject: Term } {
    anyTerms ??= createAny();
    return anyTerms;
  }

  function createAny(): { any: Term; anyObject: Term } {
    const anyString = string(0, Number.POSITIVE_INFINITY);
    const scalars = [anyString, number, text('true'), text('false'), text('null')];
    const listOf = (term: Term): Term =>
      optional(terms.sequence(term, terms.repeat(terms.sequence(comma, term), 0, Number.POSITIVE_INFINITY)));
    let any = terms.choice(scalars);
    let anyObject = terms.never;
    for (let depth = 0; depth < DEEPEST_ANY; depth++) {
      const rule = terms.rule();
      anyObject = terms.sequence(text('{'), listOf(terms.sequence(anyString, colon, any)), text('}'));
      rule.define(terms.choice([...scalars, terms.sequence(text('['), listOf(any), text(']')), anyObject]));
      any = rule.term;
    }
    return { any, anyObject };
  }

  return {
    string,
    characterOf,
    nameExcept,
    number,
    integer,
    any: () => getAny().any,
    anyObject: () => getAny().anyObject,
    value: (value) => text(JSON.stringify(value)),
    text,
    comma,
    colon,
  };
}

function escapeOf(code: number): string {
  if (code === QUOTE) return '\\"';
  if (code === BACKSLASH) return '\\\\';
  const short = SHORT_ESCAPES[code];
  return short === undefined ? `\\u${code.toString(16).padStart(4, '0')}` : `\\${short}`;
}
