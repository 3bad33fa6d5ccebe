import { Problem } from '../../problems/problem.ts';
import { ALL_CHARACTERS, type CodePoints, normalized, without } from './characters.ts';
import type { Term, Terms } from './terms.ts';

/** A regular expression, read; `least` and `most` count characters. */
export type Pattern = {
  readonly least: number;
  readonly most: number;
  /** The texts that match, each of their characters as `character` writes it. */
  toTerm(terms: Terms, character: (set: CodePoints) => Term): Term;
};

const ANY: Pattern = ofCharacters(ALL_CHARACTERS);
const ANY_TEXT: Pattern = repeated(ANY, 0, Number.POSITIVE_INFINITY);
const DIGIT: CodePoints = [[0x30, 0x39]];
const WORD: CodePoints = normalized([...DIGIT, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]]);
const SPACE: CodePoints = normalized(
  [9, 10, 11, 12, 13, 0x20, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff]
    .map((code): [number, number] => [code, code])
    .concat([[0x2000, 0x200a]]),
);
const LINE_ENDS: CodePoints = normalized([
  [10, 10],
  [13, 13],
  [0x2028, 0x2029],
]);
const CLASSES: Record<string, CodePoints> = { d: DIGIT, w: WORD, s: SPACE };
const CONTROLS: Record<string, number> = { n: 10, r: 13, t: 9, v: 11, f: 12, 0: 0 };
/** Deeper nesting than this is not written by hand. */
const DEEPEST = 50;
/** Terms nest as deep as a pattern is long. */
const LONGEST = 2_000;

/**
 * Reads an ECMAScript regular expression. As JSON Schema means it, it may match anywhere unless it is anchored.
 * Throws `invalid_value` for one that is wrong, `unsupported_parameter` for what cannot be followed letter by letter:
 * looking around, back references, word borders, properties of Unicode, and anchors inside.
 */
export function readPattern(source: string, param: string, where: 'anywhere' | 'whole' = 'anywhere'): Pattern {
  if (source.length > LONGEST) {
    throw new Problem('invalid_value', `The pattern is longer than ${LONGEST} characters.`, { param });
  }
  try {
    new RegExp(source, 'u');
  } catch {
    throw new Problem('invalid_value', `The pattern ${shown(source)} is not a regular expression.`, { param });
  }
  return createReader(source, param, where === 'whole' ? [] : [ANY_TEXT]).all();
}

function createReader(source: string, param: string, around: Pattern[]) {
  const characters = [...source];
  let at = 0;
  let depth = 0;
  const peek = (): string | undefined => characters[at];
  const take = (): string => characters[at++] ?? '';
  const takeIf = (character: string): boolean => peek() === character && ++at > 0;

  function unsupported(what: string): Problem {
    const detail = `The pattern ${shown(source)} has ${what}, which cannot be enforced. Write it without.`;
    return new Problem('unsupported_parameter', detail, { param });
  }

  function all(): Pattern {
    const branches = [anchored()];
    while (takeIf('|')) branches.push(anchored());
    return either(branches);
  }

  function anchored(): Pattern {
    const before = takeIf('^') ? [] : around;
    const parts = items();
    const after = takeIf('$') ? [] : around;
    if (peek() !== undefined && peek() !== '|') throw unsupported('an anchor inside');
    return inOrder([...before, ...parts, ...after]);
  }

  function items(): Pattern[] {
    const parts: Pattern[] = [];
    while (true) {
      const next = peek();
      if (next === undefined || next === '|' || next === ')' || next === '$') return parts;
      if (next === '^') throw unsupported('an anchor inside');
      parts.push(quantified(atom()));
    }
  }

  function atom(): Pattern {
    const character = take();
    if (character === '(') return group();
    if (character === '[') return ofCharacters(set());
    if (character === '.') return ofCharacters(without(ALL_CHARACTERS, LINE_ENDS));
    if (character === '\\') return ofCharacters(escaped());
    return ofCharacters(one(character.codePointAt(0) ?? 0));
  }

  function group(): Pattern {
    if (takeIf('?')) {
      if (takeIf('<')) {
        if (peek() === '=' || peek() === '!') throw unsupported('a look behind');
        while (take() !== '>');
      } else if (!takeIf(':')) {
        throw unsupported('a look ahead or flags');
      }
    }
    if (++depth > DEEPEST) throw unsupported(`more than ${DEEPEST} groups inside each other`);
    const branches = [inOrder(items())];
    while (takeIf('|')) branches.push(inOrder(items()));
    if (!takeIf(')')) throw unsupported('an anchor inside');
    depth--;
    return either(branches);
  }

  function quantified(body: Pattern): Pattern {
    const [least, most] = quantifier();
    takeIf('?');
    return least === 1 && most === 1 ? body : repeated(body, least, most);
  }

  function quantifier(): [number, number] {
    if (takeIf('*')) return [0, Number.POSITIVE_INFINITY];
    if (takeIf('+')) return [1, Number.POSITIVE_INFINITY];
    if (takeIf('?')) return [0, 1];
    if (!takeIf('{')) return [1, 1];
    const least = count();
    const most = takeIf(',') ? (peek() === '}' ? Number.POSITIVE_INFINITY : count()) : least;
    take();
    return [least, most];
  }

  function count(): number {
    let digits = '';
    while (/\d/.test(peek() ?? '')) digits += take();
    return Number(digits);
  }

  function set(): CodePoints {
    const isNegated = takeIf('^');
    const ranges: (readonly [number, number])[] = [];
    while (!takeIf(']')) {
      const from = member();
      if (peek() === '-' && characters[at + 1] !== ']') {
        take();
        ranges.push([lowest(from), highest(member())]);
      } else {
        ranges.push(...from);
      }
    }
    const found = normalized(ranges);
    return isNegated ? without(ALL_CHARACTERS, found) : found;
  }

  function member(): CodePoints {
    const character = take();
    if (character !== '\\') return one(character.codePointAt(0) ?? 0);
    if (takeIf('b')) return one(8);
    if (takeIf('-')) return one(0x2d);
    return escaped();
  }

  function escaped(): CodePoints {
    const letter = take();
    const named = CLASSES[letter.toLowerCase()];
    if (named !== undefined) return letter === letter.toLowerCase() ? named : without(ALL_CHARACTERS, named);
    const control = CONTROLS[letter];
    if (control !== undefined) return one(control);
    if (letter === 'x') return one(hex(2));
    if (letter === 'c') return one((take().codePointAt(0) ?? 0) % 32);
    if (letter === 'u') return one(unicode());
    if (/[bB]/.test(letter)) throw unsupported('a word border');
    if (/[1-9k]/.test(letter)) throw unsupported('a back reference');
    if (/[pP]/.test(letter)) throw unsupported('a Unicode property');
    return one(letter.codePointAt(0) ?? 0);
  }

  function unicode(): number {
    if (takeIf('{')) {
      let digits = '';
      for (let digit = take(); digit !== '}'; digit = take()) digits += digit;
      return Number.parseInt(digits, 16);
    }
    const unit = hex(4);
    const isPair = unit >= 0xd800 && unit <= 0xdbff && peek() === '\\' && characters[at + 1] === 'u';
    if (!isPair) return unit;
    at += 2;
    return 0x10000 + ((unit - 0xd800) << 10) + (hex(4) - 0xdc00);
  }

  function hex(length: number): number {
    const digits = characters.slice(at, at + length).join('');
    at += length;
    return Number.parseInt(digits, 16);
  }

  return { all };
}

const one = (code: number): CodePoints => [[code, code]];
const lowest = (ranges: CodePoints): number => ranges[0]?.[0] ?? 0;
const highest = (ranges: CodePoints): number => ranges.at(-1)?.[1] ?? 0;

function ofCharacters(set: CodePoints): Pattern {
  return { least: 1, most: 1, toTerm: (_terms, character) => character(set) };
}

function inOrder(parts: readonly Pattern[]): Pattern {
  return {
    least: parts.reduce((sum, part) => sum + part.least, 0),
    most: parts.reduce((sum, part) => sum + part.most, 0),
    toTerm: (terms, character) => terms.sequence(...parts.map((part) => part.toTerm(terms, character))),
  };
}

function either(branches: readonly Pattern[]): Pattern {
  return {
    least: Math.min(...branches.map(({ least }) => least)),
    most: Math.max(...branches.map(({ most }) => most)),
    toTerm: (terms, character) => terms.choice(branches.map((branch) => branch.toTerm(terms, character))),
  };
}

function repeated(body: Pattern, least: number, most: number): Pattern {
  const times = (count: number, of: number): number => (count === 0 || of === 0 ? 0 : count * of);
  return {
    least: times(least, body.least),
    most: times(most, body.most),
    toTerm: (terms, character) => terms.repeat(body.toTerm(terms, character), least, most),
  };
}

function shown(source: string): string {
  return source.length > 60 ? `/${source.slice(0, 60)}…/` : `/${source}/`;
}
