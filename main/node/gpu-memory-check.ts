import type { AgentLog } from '../../shared/agent/log.ts';
import type { MemoryCheck } from '../../shared/ipc/app-state.ts';

export type GpuMemoryCheckOptions = {
  /** What all programs hold of the memory of the GPUs that compute, in bytes; null where no counter tells it. */
  readUsedBytes(): Promise<number | null>;
  now: () => number;
  wait(ms: number): Promise<void>;
  onChange(): void;
  log: AgentLog;
};

export type GpuMemoryCheck = {
  /** A first model is to be loaded: resolves when what others hold was counted. */
  loading(): Promise<void>;
  /** Models have worked, and hold most now. */
  ran(): Promise<void>;
  /** No model is in the memory any more. */
  emptied(): void;
  /** What was found last; null before anything was. */
  result(): MemoryCheck | null;
};

/** Of the five seconds in which memory has to be free; pages have the rest to let go of their models. */
const WITHIN_MS = 3_500;
const LOOK_EVERY_MS = 500;
/** Also where the clock is set back meanwhile. */
const MOST_LOOKS = 1 + WITHIN_MS / LOOK_EVERY_MS;
/** Counting takes a program of the system, and what models hold seldom changes from one job to the next. */
const COUNT_EVERY_MS = 15_000;
/** How near to what it was before memory has to come. */
const TOLERANCE = 0.05;
/** On a GPU that holds next to nothing five per cent are less than drivers keep of a process that ends. */
const LEAST_TOLERANCE_BYTES = 8 * 2 ** 20;

/**
 * Looks, by the GPU's own counter, whether the memory that models took comes back when they leave.
 *
 * Invariants: (1) nothing is said to have come back that was not counted; (2) what has not come back yet is never counted as
 * somebody else's: what was there before is what was there before the first load since all was well; (3) a check that a new
 * load overtakes says nothing.
 */
export function createGpuMemoryCheck(options: GpuMemoryCheckOptions): GpuMemoryCheck {
  const { readUsedBytes, now, wait, log } = options;
  /** Before the load; undefined before it was looked at, null where nobody counts. */
  let before: number | null | undefined;
  let counting: Promise<void> | undefined;
  let isHeld = false;
  let most: number | null = null;
  let nextCountAt = 0;
  let round = 0;
  let result: MemoryCheck | null = null;

  const conclude = (found: Omit<MemoryCheck, 'at'>): void => {
    result = { at: now(), ...found };
    if (found.verdict !== 'kept') {
      before = undefined;
      most = null;
    }
    const { verdict, ...figures } = found;
    if (verdict === 'kept') log.warn(figures, 'the memory of the GPU has not come back, or other programs took it');
    else if (verdict === 'back') log.info(figures, 'the memory of the GPU has come back');
    options.onChange();
  };
  const figuresAt = (used: number, base: number): Pick<MemoryCheck, 'takenBytes' | 'freedBytes'> => {
    if (most === null) return { takenBytes: null, freedBytes: null };
    const takenBytes = Math.max(0, most - base);
    return { takenBytes, freedBytes: Math.min(takenBytes, Math.max(0, most - used)) };
  };
  const verify = async (base: number, mine: number): Promise<void> => {
    const began = now();
    for (let looks = 1; ; looks++) {
      const used = await readUsedBytes();
      if (mine !== round) return;
      const tookMs = Math.max(0, now() - began);
      if (used === null) return conclude(UNCOUNTED);
      const isBack = used <= base + Math.max(base * TOLERANCE, LEAST_TOLERANCE_BYTES);
      if (isBack || tookMs >= WITHIN_MS || looks >= MOST_LOOKS) {
        return conclude({ verdict: isBack ? 'back' : 'kept', tookMs, ...figuresAt(used, base) });
      }
      await wait(LOOK_EVERY_MS);
    }
  };

  return {
    loading: () => {
      round += 1;
      isHeld = true;
      if (before === undefined) {
        counting ??= readUsedBytes().then((used) => {
          if (isHeld) before = used;
          counting = undefined;
        });
      }
      return counting ?? Promise.resolve();
    },
    ran: async () => {
      if (before == null || now() < nextCountAt) return;
      nextCountAt = now() + COUNT_EVERY_MS;
      const mine = round;
      const used = await readUsedBytes();
      if (mine === round && used !== null) most = Math.max(most ?? 0, used);
    },
    emptied: () => {
      round += 1;
      isHeld = false;
      nextCountAt = 0;
      if (before === undefined) return;
      if (before === null) conclude(UNCOUNTED);
      else void verify(before, round);
    },
    result: () => result,
  };
}

const UNCOUNTED: Omit<MemoryCheck, 'at'> = { verdict: 'no_counter', tookMs: null, takenBytes: null, freedBytes: null };
