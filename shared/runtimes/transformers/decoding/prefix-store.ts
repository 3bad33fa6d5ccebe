/**
 * What models have read lately, so that the next turn of a conversation computes only what is new.
 *
 * 1. The states that are kept have at most `budgetBytes` together, less where `limit` said so, and there are at most `MOST_ENTRIES`; the one that was
 *    used longest ago goes first.
 * 2. A state is kept with exactly the tokens it was computed from, and is given out for those tokens alone.
 * 3. At least one token of a prompt is left to compute: the scores of the next token come from it.
 * 4. A state that is given out is the caller's: what the caller does with it changes nothing that is kept.
 * 5. A state serves only prompts of its own scope: how soon an answer begins would tell others what has been asked before.
 * 6. What has not been used for `MOST_AGE_MS` is let go of when the store is next touched.
 */

/** How the store handles states, whose inside it does not know. */
export type StateKind<State> = {
  sizeBytes(state: State): number;
  /** A state of its own for the first `tokens` of `length`; `null` where only the whole can be used, and by one. */
  fork(state: State, tokens: number, length: number): State | null;
  drop(state: State): void;
};

/** `isShared` where the very state is kept, too, for others to take. */
export type Taken<State> = { state: State; tokens: number; isShared: boolean };

export type PrefixStore<State> = {
  /** The state of the longest known beginning of `ids`, or `null` when nothing worthwhile is known. */
  take(scope: string, ids: readonly number[]): Taken<State> | null;
  /** Keeps what was computed from `ids`, or from as many of them as fit; the state is the store's from here on. */
  keep(scope: string, ids: readonly number[], state: State, session?: string | null): void;
  /** The sessions of what is kept, the one used last first. */
  sessions(): string[];
  usedBytes(): number;
  /** From now on keeps no more than this, and never more than its own budget. */
  limit(bytes: number): void;
  clear(): void;
};

type Entry<State> = {
  scope: string;
  ids: readonly number[];
  state: State;
  bytes: number;
  usedAt: number;
  session: string | null;
};

/** A longer list would be searched for longer than it saves. */
const MOST_ENTRIES = 64;
/** Fewer tokens are computed again in about the time that copying their state takes. */
const FEWEST_TOKENS = 16;
/** As long as the relay sends a conversation back to where it was. */
const MOST_AGE_MS = 1_800_000;

/** `now` in milliseconds. */
export function createPrefixStore<State>(
  kind: StateKind<State>,
  budgetBytes: number,
  now: () => number = Date.now,
): PrefixStore<State> {
  /** The one used last stands last. */
  let entries: Entry<State>[] = [];
  let used = 0;
  let limit = budgetBytes;

  function remove(entry: Entry<State>): void {
    entries = entries.filter((other) => other !== entry);
    used -= entry.bytes;
  }

  function evict(entry: Entry<State>): void {
    remove(entry);
    kind.drop(entry.state);
  }

  function evictOld(): void {
    const before = now() - MOST_AGE_MS;
    for (const entry of entries) if (entry.usedAt < before) evict(entry);
  }

  function shrink(): void {
    while (used > limit || entries.length > MOST_ENTRIES) {
      const [oldest] = entries;
      if (oldest === undefined) break;
      evict(oldest);
    }
  }

  /** A state takes about as much for each of its tokens. */
  const tokensThatFit = (bytes: number, tokens: number): number =>
    bytes <= limit ? tokens : Math.floor((tokens * limit) / bytes);

  return {
    take(scope, ids) {
      evictOld();
      const best = longestMatch(
        entries.filter((entry) => entry.scope === scope),
        ids,
      );
      if (best === null) return null;
      const { entry, tokens } = best;
      const state = kind.fork(entry.state, tokens, entry.ids.length);
      if (state !== null) {
        entry.usedAt = now();
        entries = [...entries.filter((other) => other !== entry), entry];
        return { state, tokens, isShared: state === entry.state };
      }
      if (tokens < entry.ids.length) return null;
      remove(entry);
      return { state: entry.state, tokens, isShared: false };
    },
    keep(scope, ids, state, session = null) {
      evictOld();
      const known = ids.slice(0, tokensThatFit(kind.sizeBytes(state), ids.length));
      const own = entries.filter((entry) => entry.scope === scope);
      const isKnown = own.some((entry) => sharedLength(entry.ids, known) === known.length);
      if (known.length < FEWEST_TOKENS || isKnown) return kind.drop(state);
      const kept = known.length === ids.length ? state : kind.fork(state, known.length, ids.length);
      if (kept !== state) kind.drop(state);
      if (kept === null) return;
      // Whatever the shorter one could be used for, the longer one can.
      for (const entry of own) if (sharedLength(entry.ids, known) === entry.ids.length) evict(entry);
      const bytes = kind.sizeBytes(kept);
      entries = [...entries, { scope, ids: known, state: kept, bytes, usedAt: now(), session }];
      used += bytes;
      shrink();
    },
    sessions() {
      evictOld();
      const named = entries.map(({ session }) => session).filter((session) => session !== null);
      return [...new Set(named.reverse())];
    },
    usedBytes: () => used,
    limit(bytes) {
      limit = Math.max(0, Math.min(budgetBytes, bytes));
      shrink();
    },
    clear() {
      for (const entry of entries) evict(entry);
    },
  };
}

function longestMatch<State>(entries: readonly Entry<State>[], ids: readonly number[]) {
  let best: { entry: Entry<State>; tokens: number } | null = null;
  for (const entry of entries) {
    const tokens = Math.min(sharedLength(entry.ids, ids), ids.length - 1);
    if (tokens >= FEWEST_TOKENS && tokens > (best?.tokens ?? 0)) best = { entry, tokens };
  }
  return best;
}

function sharedLength(left: readonly number[], right: readonly number[]): number {
  const most = Math.min(left.length, right.length);
  let length = 0;
  while (length < most && left[length] === right[length]) length++;
  return length;
}
