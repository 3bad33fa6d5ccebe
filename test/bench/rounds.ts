type Sides = Record<string, () => Promise<number>>;

/**
 * Measures every side once per round, in turn, and returns the medians: what slows the machine for a while slows all
 * sides. One round before the first is thrown away, because code runs slowly at first.
 */
export async function interleave<S extends Sides>(rounds: number, sides: S): Promise<{ [Side in keyof S]: number }> {
  const names = Object.keys(sides) as (keyof S)[];
  const measured = new Map<keyof S, number[]>(names.map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const name of names) {
      const value = await sides[name]?.();
      if (round >= 0 && value !== undefined) measured.get(name)?.push(value);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(measured.get(name) ?? [])])) as {
    [Side in keyof S]: number;
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
