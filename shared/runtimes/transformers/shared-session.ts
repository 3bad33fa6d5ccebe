/**
 * One graph in two sessions: on the threads that a lone answer runs on, and on more of them for passes of several rows.
 * One step of a small model takes less time than waking a second thread; a step for several answers may be worth it.
 *
 * 1. Passes of one row go through the first session, as if there were no other: alone is as fast, and has the same numbers.
 * 2. The second is opened by the second pass of several rows, which waits for it (the first only finds out whether the
 *    model takes rows side by side): the memory of a second copy of the weights is taken only where answers are made side
 *    by side, and never at a moment when nobody knows of it, such as while the thread is ended.
 * 3. Both are measured in turn with passes of several rows. The second stays if it takes at most `WORTH` of the time,
 *    and is let go of for good otherwise.
 * 4. One pass runs at a time, as with any session; nothing is closed while one runs.
 */
import type { Session, SessionTensor } from './session.ts';

/** A session and the way to let go of it. */
export type OwnSession = { readonly session: Session; dispose(): Promise<void> };

export type SharedSessionOptions = {
  narrow: Session;
  /** Opens the same graph on more threads. */
  openWide(): Promise<OwnSession>;
  /** In milliseconds. */
  now?: () => number;
};

export type SharedSession = Session & {
  /** What was measured of passes of several rows, in milliseconds; `null` before. */
  measured(): { narrowMs: number; wideMs: number } | null;
  /** Lets go of the second session; the first is its owner's. */
  close(): Promise<void>;
};

type Feeds = Readonly<Record<string, SessionTensor>>;
type Wide =
  | { state: 'unasked' | 'unopened' | 'refused' }
  | { state: 'tried'; own: OwnSession; times: Record<'narrow' | 'wide', number[]> }
  | { state: 'kept'; own: OwnSession };

/** So many passes through each; what else the machine does disturbs fewer than half of them. */
const TRIED_PASSES = 9;
/** For less than a tenth nobody wants the weights in memory twice. */
const WORTH = 0.9;

export function createSharedSession(options: SharedSessionOptions): SharedSession {
  const { narrow, now = () => performance.now() } = options;
  let wide: Wide = { state: 'unasked' };
  let measured: { narrowMs: number; wideMs: number } | null = null;

  async function open(): Promise<Wide> {
    try {
      return { state: 'tried', own: await options.openWide(), times: { narrow: [], wide: [] } };
    } catch {
      // Most likely for want of memory: it goes on as before.
      return { state: 'refused' };
    }
  }

  async function tryBoth(trial: Extract<Wide, { state: 'tried' }>, feeds: Feeds) {
    const { own, times } = trial;
    const side = times.narrow.length > times.wide.length ? 'wide' : 'narrow';
    const startedAt = now();
    const result = await (side === 'wide' ? own.session : narrow).run(feeds);
    times[side].push(now() - startedAt);
    if (times.wide.length === TRIED_PASSES) await judge(trial);
    return result;
  }

  async function judge({ own, times }: Extract<Wide, { state: 'tried' }>): Promise<void> {
    measured = { narrowMs: median(times.narrow), wideMs: median(times.wide) };
    const isWorthIt = measured.wideMs <= WORTH * measured.narrowMs;
    wide = isWorthIt ? { state: 'kept', own } : { state: 'refused' };
    if (!isWorthIt) await own.dispose();
  }

  return {
    ...narrow,
    async run(feeds) {
      const rows = (feeds.input_ids ?? feeds.inputs_embeds)?.dims[0] ?? 1;
      if (rows === 1) return await narrow.run(feeds);
      if (wide.state === 'unopened') wide = await open();
      if (wide.state === 'unasked') wide = { state: 'unopened' };
      if (wide.state === 'tried') return await tryBoth(wide, feeds);
      return await (wide.state === 'kept' ? wide.own.session : narrow).run(feeds);
    },
    measured: () => measured,
    async close() {
      if (wide.state !== 'kept' && wide.state !== 'tried') return;
      const { own } = wide;
      wide = { state: 'refused' };
      await own.dispose();
    },
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}
