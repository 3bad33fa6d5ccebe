/**
 * Remembers the newest entries: at least `most` of them, by when they were last set, and at most twice as many.
 *
 * Two tables, of which the older is dropped when the newer is full, rather than one whose oldest entry is deleted for
 * each that is set: V8 renews a table that much is deleted from again and again, and each outgrown one keeps its
 * successor alive (see `in-flight.ts`).
 */
export type RecentMap<Value> = {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  [Symbol.iterator](): Iterator<readonly [string, Value]>;
};

export function createRecentMap<Value>(most: number, known: Iterable<readonly [string, Value]> = []): RecentMap<Value> {
  let newer = new Map<string, Value>();
  let older = new Map<string, Value>();
  const set = (key: string, value: Value): void => {
    if (newer.size >= most && !newer.has(key)) {
      older = newer;
      newer = new Map();
    }
    newer.set(key, value);
  };
  for (const [key, value] of known) set(key, value);
  return {
    get: (key) => newer.get(key) ?? older.get(key),
    set,
    [Symbol.iterator]: function* () {
      yield* newer;
      for (const entry of older) if (!newer.has(entry[0])) yield entry;
    },
  };
}
