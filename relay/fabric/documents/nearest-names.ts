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
  const most = Math.max(said.length, name.length) / LETTERS_PER_MISTAKE;
  return leastMistakes(said, name) <= most && mistakes(said, name) <= most;
}

/** Kinds of letters that are told apart; those that share a kind only make a guess too low. */
const KINDS = 32;
const counts = new Int16Array(KINDS);

/** Never more than `mistakes`, and found with a look at each letter: what one has more of, letters or a kind of them, must go. */
function leastMistakes(wanted: string, known: string): number {
  const [a, b] = [wanted.slice(0, MOST_LETTERS), known.slice(0, MOST_LETTERS)];
  counts.fill(0);
  for (let i = 0; i < a.length; i++) bump(a.charCodeAt(i), 1);
  for (let i = 0; i < b.length; i++) bump(b.charCodeAt(i), -1);
  let [more, less] = [0, 0];
  for (const count of counts) {
    if (count > 0) more += count;
    else less -= count;
  }
  return Math.max(more, less, Math.abs(wanted.length - known.length));
}

function bump(letter: number, by: 1 | -1): void {
  const kind = letter % KINDS;
  counts[kind] = (counts[kind] ?? 0) + by;
}

/** A name contained in the other counts as near. */
function distance(wanted: string, known: string): number {
  return known.includes(wanted) || wanted.includes(known) ? 0 : mistakes(wanted, known);
}

/** Rows of `mistakes`, which nothing else uses meanwhile: it is asked thousands of times for one answer. */
const rows = Array.from({ length: 3 }, () => new Int16Array(MOST_LETTERS + 1));

/** How many letters must change, come, go or trade places with the next, one row at a time. */
function mistakes(wanted: string, known: string): number {
  const [a, b] = [wanted.slice(0, MOST_LETTERS), known.slice(0, MOST_LETTERS)];
  let [before, row, next] = rows as [Int16Array, Int16Array, Int16Array];
  for (let j = 0; j <= b.length; j++) row[j] = j;
  for (let i = 1; i <= a.length; i++) {
    next[0] = i;
    const [letter, last] = [a.charCodeAt(i - 1), a.charCodeAt(i - 2)];
    for (let j = 1; j <= b.length; j++) {
      const against = b.charCodeAt(j - 1);
      let least = at(row, j - 1) + (letter === against ? 0 : 1);
      if (i > 1 && j > 1 && letter === b.charCodeAt(j - 2) && last === against)
        least = Math.min(least, at(before, j - 2) + 1);
      next[j] = Math.min(least, at(row, j) + 1, at(next, j - 1) + 1);
    }
    [before, row, next] = [row, next, before];
  }
  return at(row, b.length);
}

function at(row: Int16Array, place: number): number {
  return row[place] ?? 0;
}
