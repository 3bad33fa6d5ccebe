import { Problem } from '../../../shared/problems/problem.ts';

/** Deeper than any input of a service, and shallow enough for everything that goes through it after us. */
const MOST_LEVELS = 200;

/**
 * Checks a document whose form nobody knows before it is hashed, measured and sent on: none of them takes half a character,
 * a number without end or endless nesting. Errors: `invalid_value`.
 */
export function assertSayable(value: unknown, level = 0): void {
  if (typeof value === 'string') assertWellFormed(value);
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new Problem('invalid_value', 'A number of the body is larger than a double holds (about 1.8e308).');
  }
  if (typeof value !== 'object' || value === null) return;
  if (level === MOST_LEVELS) {
    throw new Problem('invalid_value', `The body is nested more than ${MOST_LEVELS} levels deep. Flatten it.`);
  }
  for (const [name, member] of Object.entries(value)) {
    assertWellFormed(name);
    assertSayable(member, level + 1);
  }
}

function assertWellFormed(text: string): void {
  if (text.isWellFormed()) return;
  throw new Problem(
    'invalid_value',
    'A text of the body holds half a character (a lone surrogate). Send valid Unicode.',
  );
}
