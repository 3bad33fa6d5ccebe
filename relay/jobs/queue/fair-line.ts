/** What the line must know of a job. */
export type Lined = {
  readonly apiKeyId: string;
  readonly model: string;
  /** Higher goes first among the jobs of its key. */
  readonly priority: number;
  /** Of two jobs of equal priority the one with the lower number goes first. */
  readonly number: number;
};

/** Jobs that wait for a node. */
export type FairLine<Item extends Lined> = {
  add(item: Item): void;
  /** False when it is not in the line. */
  remove(item: Item): boolean;
  /** Takes out whose turn it is among the jobs of models that may start, of keys that may; undefined when there is none. */
  take(mayStart: (model: string) => boolean, mayRun?: (apiKeyId: string) => boolean): Item | undefined;
  readonly size: number;
  sizeOf(apiKeyId: string): number;
  keys(): Iterable<string>;
};

type KeyLine<Item> = { readonly byModel: Map<string, Item[]>; size: number; credit: number };

/**
 * A smooth weighted round robin over keys: a key of weight 3 gets three turns for each turn of a key of weight 1, spread
 * out, and a key that fills the line with jobs makes only itself wait. Priorities order the jobs of one key, so that
 * nobody gets ahead of others by asking for it.
 *
 * Invariants: (1) each list is sorted as it is taken from; (2) `size` of a key is the length of its lists, and a key
 * without jobs is forgotten with its credit, so that none saves up turns; (3) of `take`'s candidates the credits sum to
 * what they summed to before.
 */
export function createFairLine<Item extends Lined>(weightOf: (apiKeyId: string) => number): FairLine<Item> {
  const keys = new Map<string, KeyLine<Item>>();
  let size = 0;

  const takeOut = (apiKeyId: string, line: KeyLine<Item>, list: Item[], at: number): void => {
    const [item] = list.splice(at, 1);
    if (list.length === 0 && item !== undefined) line.byModel.delete(item.model);
    line.size -= 1;
    size -= 1;
    if (line.size === 0) keys.delete(apiKeyId);
  };
  return {
    get size() {
      return size;
    },
    keys: () => keys.keys(),
    sizeOf: (apiKeyId) => keys.get(apiKeyId)?.size ?? 0,
    add: (item) => {
      const line = keys.get(item.apiKeyId) ?? { byModel: new Map(), size: 0, credit: 0 };
      keys.set(item.apiKeyId, line);
      const list = line.byModel.get(item.model) ?? [];
      line.byModel.set(item.model, list);
      list.splice(placeOf(item, list), 0, item);
      line.size += 1;
      size += 1;
    },
    remove: (item) => {
      const line = keys.get(item.apiKeyId);
      const list = line?.byModel.get(item.model);
      const at = list?.indexOf(item) ?? -1;
      if (line === undefined || list === undefined || at === -1) return false;
      takeOut(item.apiKeyId, line, list, at);
      return true;
    },
    take: (mayStart, mayRun = () => true) => {
      let total = 0;
      let best: { apiKeyId: string; line: KeyLine<Item>; list: Item[] } | undefined;
      const open = rememberAnswers(mayStart);
      for (const [apiKeyId, line] of keys) {
        const list = firstList(line, open);
        if (list === undefined || !mayRun(apiKeyId)) continue;
        const weight = weightOf(apiKeyId);
        line.credit += weight;
        total += weight;
        if (best === undefined || line.credit > best.line.credit) best = { apiKeyId, line, list };
      }
      const item = best?.list[0];
      if (best === undefined || item === undefined) return undefined;
      best.line.credit -= total;
      takeOut(best.apiKeyId, best.line, best.list, 0);
      return item;
    },
  };
}

/** Whether `a` goes before `b`. */
function goesBefore(a: Lined, b: Lined): boolean {
  return a.priority === b.priority ? a.number < b.number : a.priority > b.priority;
}

function placeOf(item: Lined, list: readonly Lined[]): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = list[middle];
    if (other !== undefined && goesBefore(other, item)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The list of an open model whose first job goes before those of the others. */
function firstList<Item extends Lined>(line: KeyLine<Item>, isOpen: (model: string) => boolean): Item[] | undefined {
  let best: Item[] | undefined;
  for (const [model, list] of line.byModel) {
    const [item] = list;
    if (item === undefined || !isOpen(model)) continue;
    const [leader] = best ?? [];
    if (leader === undefined || goesBefore(item, leader)) best = list;
  }
  return best;
}

function rememberAnswers(ask: (model: string) => boolean): (model: string) => boolean {
  const answers = new Map<string, boolean>();
  return (model) => {
    const known = answers.get(model) ?? ask(model);
    answers.set(model, known);
    return known;
  };
}
