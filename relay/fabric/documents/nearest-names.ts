import { slugOf } from '../../../shared/identity/node-id.ts';

const MOST_NAMES = 3;
/** Names come from nodes, as long and as many as these like, and whoever asks for a wrong one waits for all of them. */
const MOST_COMPARED = 1_000;
const MOST_LETTERS = 64;
/** One letter of so many may be wrong; with more, somebody meant something else. */
const LETTERS_PER_MISTAKE = 3;

/**
 * The known names nearest to a mistyped one, best first: by letters that must change, counted without case. None that is
 * far off.
 */
export function nearestNames(wanted: string, known: string[]): string[] {
  const target = wanted.toLowerCase().slice(0, 256);
  return known
    .slice(0, MOST_COMPARED)
    .map((name) => ({ name, lower: name.toLowerCase() }))
    .filter(({ lower }) => isNear(target, lower))
    .map(({ name, lower }) => ({
      name,
      distance: distance(target, lower),
      more: Math.abs(name.length - target.length),
    }))
    .sort((a, b) => a.distance - b.distance || a.more - b.more || a.name.localeCompare(b.name))
    .slice(0, MOST_NAMES)
    .map(({ name }) => name);
}

/** By all of it, by what stands behind its slash, as a model has it at another hub, or by what a person calls a node of it. */
function isNear(wanted: string, known: string): boolean {
  const names = new Set([known, tailOf(known)]);
  return [...new Set([wanted, tailOf(wanted)])].some(
    (said) =>
      [...names].some((name) => isPartOf(said, name) || isPartOf(name, said) || isMistyped(said, name)) ||
      isMistyped(said, slugOf(known)),
  );
}

function tailOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** A letter or two are in everything. */
function isPartOf(part: string, whole: string): boolean {
  return part === whole || (part.length >= LETTERS_PER_MISTAKE && whole.includes(part));
}

function isMistyped(said: string, name: string): boolean {
  const longer = Math.max(said.length, name.length);
  return (
    Math.abs(said.length - name.length) * LETTERS_PER_MISTAKE <= longer &&
    mistakes(said, name) * LETTERS_PER_MISTAKE <= longer
  );
}

/** A name contained in the other counts as near. */
function distance(wanted: string, known: string): number {
  return known.includes(wanted) || wanted.includes(known) ? 0 : mistakes(wanted, known);
}

/** How many letters must change, come, go or trade places with the next, one row at a time. */
function mistakes(wanted: string, known: string): number {
  const [a, b] = [wanted.slice(0, MOST_LETTERS), known.slice(0, MOST_LETTERS)];
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isTraded = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const trade = isTraded ? (before[j - 2] ?? 0) + 1 : change;
      next.push(Math.min(change, trade, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    [before, row] = [row, next];
  }
  return row[b.length] ?? 0;
}
