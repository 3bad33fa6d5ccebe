/** Ids in order, kept so as they come, so that a page of ten thousand costs no more than a page of ten. */
export type SortedIds = {
  readonly all: readonly string[];
  add(id: string): void;
  remove(id: string): void;
  /** How many there are up to and with this id, whether it is one of them or not. */
  countUpTo(id: string): number;
};

export function createSortedIds(): SortedIds {
  const all: string[] = [];
  const countUpTo = (id: string): number => {
    let [low, high] = [0, all.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((all[middle] ?? '') <= id) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    all,
    countUpTo,
    add: (id) => {
      const at = countUpTo(id);
      if (all[at - 1] !== id) all.splice(at, 0, id);
    },
    remove: (id) => {
      const at = countUpTo(id) - 1;
      if (all[at] === id) all.splice(at, 1);
    },
  };
}
