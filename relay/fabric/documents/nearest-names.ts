const MOST_NAMES = 3;
/** Names come from nodes, as long and as many as these like, and whoever asks for a wrong one waits for all of them. */
const MOST_COMPARED = 1_000;
const MOST_LETTERS = 64;

/** The known names nearest to a mistyped one, best first: by letters that must change, counted without case. */
export function nearestNames(wanted: string, known: string[]): string[] {
  const target = wanted.toLowerCase().slice(0, 256);
  return known
    .slice(0, MOST_COMPARED)
    .map((name) => ({
      name,
      distance: distance(target, name.toLowerCase()),
      more: Math.abs(name.length - target.length),
    }))
    .sort((a, b) => a.distance - b.distance || a.more - b.more || a.name.localeCompare(b.name))
    .slice(0, MOST_NAMES)
    .map(({ name }) => name);
}

/** Levenshtein's distance, one row at a time; a name contained in the other counts as near. */
function distance(wanted: string, known: string): number {
  if (wanted.length > 0 && (known.includes(wanted) || wanted.includes(known))) return 0;
  const [a, b] = [wanted.slice(0, MOST_LETTERS), known.slice(0, MOST_LETTERS)];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
