const MOST_NAMES = 3;

/** The known names nearest to a mistyped one, best first: by letters that must change, counted without case. */
export function nearestNames(wanted: string, known: string[]): string[] {
  const target = wanted.toLowerCase().slice(0, 256);
  return known
    .map((name) => ({ name, distance: distance(target, name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance || a.name.localeCompare(b.name))
    .slice(0, MOST_NAMES)
    .map(({ name }) => name);
}

/** Levenshtein's distance, one row at a time; a name contained in the other counts as near. */
function distance(a: string, b: string): number {
  if (a.length > 0 && (b.includes(a) || a.includes(b))) return 0;
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
