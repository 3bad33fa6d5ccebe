/**
 * One graph in two sessions: on the threads that a lone row runs on, and on more of them for passes of several rows.
 * A pass of a small model takes less time than waking a second thread; one for several rows may be worth it.
 *
 * 1. Passes of one row go through the first session, as if there were no other: alone is as fast, and has the same numbers.
 * 2. The second is opened by the second pass of several rows, which waits for it (the first only finds out whether the
 *    model takes rows side by side): the memory of a second copy of the weights is taken only where rows are computed side
 *    by side, and never at a moment when nobody knows of it, such as while the thread is ended.
 * 3. Both are measured with passes of several rows, a few after another in each. The second stays if it takes at most `WORTH`
 *    of the time, and is let go of otherwise. That is asked anew after `KEPT_MS`, and soon after a refusal, each time later.
 * 4. One pass runs at a time, as with any session; nothing is closed while one runs.
 */

export type Pass<Feeds, Result> = (feeds: Feeds) => Promise<Result>;

/** A graph on threads of its own, and the way to let go of it. */
export type OwnGraph<Feeds, Result> = { readonly run: Pass<Feeds, Result>; dispose(): Promise<void> };

export type ThreadChoiceOptions<Feeds, Result> = {
  narrow: Pass<Feeds, Result>;
  /** Opens the same graph on more threads. */
  openWide(): Promise<OwnGraph<Feeds, Result>>;
  /** How many rows a pass has, and how many tokens each of them. */
  sizeOf(feeds: Feeds): { rows: number; columns: number };
  /** In milliseconds. */
  now?: () => number;
  /** Called once both are measured, each time; `isWide` where the second session stays. */
  onMeasured?(measured: Measured, isWide: boolean): void;
};

/** Of passes of several rows, in milliseconds for each token of each row. */
export type Measured = { narrowMs: number; wideMs: number };

export type ThreadChoice<Feeds, Result> = {
  run: Pass<Feeds, Result>;
  /** What was measured last; `null` before. */
  measured(): Measured | null;
  /** Lets go of the second session; the first is its owner's. */
  close(): Promise<void>;
};

type Trial<Feeds, Result> = {
  state: 'tried';
  own: OwnGraph<Feeds, Result>;
  times: Record<'narrow' | 'wide', number[]>;
};
type Wide<Feeds, Result> =
  | { state: 'unasked' | 'unopened' }
  | Trial<Feeds, Result>
  | { state: 'kept'; own: OwnGraph<Feeds, Result>; untilMs: number }
  | { state: 'refused'; untilMs: number };

/**
 * So many passes go through one before the next is the other's turn: the first of them finds the other's copy of the weights in
 * the processor's caches, which is not so where one session runs alone.
 */
const PASSES_IN_TURN = 4;
/** So many through each; what else the machine does disturbs fewer than half of them. */
const TRIED_PASSES = 3 * PASSES_IN_TURN;
/** For less than a tenth nobody wants the weights in memory twice. */
const WORTH = 0.9;
/** Other work may have the other cores by now. */
const KEPT_MS = 600_000;
/** Other work had them for a moment, most likely: asking takes a tenth of a second, and may be worth half as many tokens again. */
const REFUSED_MS = 5_000;

export function createThreadChoice<Feeds, Result>(
  options: ThreadChoiceOptions<Feeds, Result>,
): ThreadChoice<Feeds, Result> {
  const { narrow, now = () => performance.now() } = options;
  let wide: Wide<Feeds, Result> = { state: 'unasked' };
  let measured: Measured | null = null;
  /** In a row. */
  let refusals = 0;

  function refused(): Wide<Feeds, Result> {
    const untilMs = now() + Math.min(KEPT_MS, REFUSED_MS * 2 ** refusals);
    refusals += 1;
    return { state: 'refused', untilMs };
  }

  const trialOf = (own: OwnGraph<Feeds, Result>): Wide<Feeds, Result> => ({
    state: 'tried',
    own,
    times: { narrow: [], wide: [] },
  });

  /** What the next pass of several rows meets. */
  async function next(): Promise<Wide<Feeds, Result>> {
    if (wide.state === 'unasked') return { state: 'unopened' };
    if (wide.state === 'tried') return wide;
    if ((wide.state === 'kept' || wide.state === 'refused') && now() < wide.untilMs) return wide;
    if (wide.state === 'kept') return trialOf(wide.own);
    // It fails most likely for want of memory, and goes on as before.
    return await options.openWide().then(trialOf, refused);
  }

  async function tryBoth(trial: Trial<Feeds, Result>, feeds: Feeds, tokens: number): Promise<Result> {
    const { own, times } = trial;
    const passes = times.narrow.length + times.wide.length;
    const side = Math.floor(passes / PASSES_IN_TURN) % 2 === 0 ? 'narrow' : 'wide';
    const startedAt = now();
    const result = await (side === 'wide' ? own.run : narrow)(feeds);
    times[side].push((now() - startedAt) / tokens);
    if (times.wide.length === TRIED_PASSES) await judge(trial);
    return result;
  }

  async function judge({ own, times }: Trial<Feeds, Result>): Promise<void> {
    measured = { narrowMs: median(times.narrow), wideMs: median(times.wide) };
    const isWorthIt = measured.wideMs <= WORTH * measured.narrowMs;
    wide = isWorthIt ? { state: 'kept', own, untilMs: now() + KEPT_MS } : refused();
    options.onMeasured?.(measured, isWorthIt);
    if (isWorthIt) refusals = 0;
    else await own.dispose();
  }

  return {
    async run(feeds) {
      const { rows, columns } = options.sizeOf(feeds);
      if (rows === 1) return await narrow(feeds);
      wide = await next();
      if (wide.state === 'tried') return await tryBoth(wide, feeds, rows * columns);
      return await (wide.state === 'kept' ? wide.own.run : narrow)(feeds);
    },
    measured: () => measured,
    async close() {
      if (wide.state !== 'kept' && wide.state !== 'tried') return;
      const { own } = wide;
      wide = refused();
      await own.dispose();
    },
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}
