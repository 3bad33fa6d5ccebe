import { repeatHourly } from '../hourly.ts';
import { newId } from '../jobs/id.ts';
import type { RelayLog } from '../log.ts';
import { sha256Hex } from '../receipts/content-hashes.ts';
import type { RequestMarkStore } from '../store/request-mark-store.ts';
import { keyReused, type Repeatable, stillInFlight } from './repeatable.ts';

/** How something is made that a client may ask for twice and wants once. */
export type Maker<Made> = {
  /** How its ids begin. */
  prefix: string;
  /** What stands under this id as it is now; undefined where nothing does. It finishes what a crash has left half-done. */
  find(id: string): Promise<Made | undefined>;
  /** Makes it under this id, and checks the request first. Rejects where it was not made. */
  make(id: string): Promise<Made>;
};

export type Repeats = {
  /**
   * Makes something, or finds what an equal request with the same idempotency key has made. Errors:
   * `idempotency_in_flight`, `idempotency_key_reused`, and those of the maker.
   */
  once<Made>(asked: Repeatable, maker: Maker<Made>): Promise<{ made: Made; isNew: boolean }>;
  /** What this key and mark were first sent for, for whoever must know before the whole request is here. */
  earlier(asked: Omit<Repeatable, 'requestHash'>): Promise<{ requestHash: string; madeId: string } | undefined>;
  close(): Promise<void>;
};

export type RepeatsPorts = {
  store: RequestMarkStore;
  /** How long a request may be repeated. */
  keepMs: number;
  now: () => number;
  log: RelayLog;
};

const FORGOTTEN_AT_ONCE = 1_000;

/**
 * Lets requests be repeated that make something.
 *
 * Invariants: (1) the id of what is made is on the disk before it is made, and the first id of a mark counts: whatever a
 * crash cuts off, what is made again is the same thing; (2) of two requests with one mark one works, and the other
 * hears of it; (3) a request that was refused leaves no mark, so that it may be put right and sent with the same key;
 * (4) of a key that a client has chosen only a digest is kept.
 */
export function openRepeats({ store, keepMs, now, log }: RepeatsPorts): Repeats {
  const inFlight = new Set<string>();
  const stopForgetting = repeatHourly(
    async (signal) => {
      const before = now() - keepMs;
      while (!signal.aborted && (await store.forgetMarks(before, FORGOTTEN_AT_ONCE)) === FORGOTTEN_AT_ONCE);
    },
    (error) => log.error({ err: error }, 'old idempotency keys could not be forgotten'),
  );
  const makeMarked = async <Made>(mark: string, requestHash: string, { prefix, find, make }: Maker<Made>) => {
    const id = newId(prefix, now());
    const { madeId, requestHash: first } = await store.keepMark({ mark, requestHash, madeId: id, markedAt: now() });
    if (first !== requestHash) throw keyReused(`which made ${madeId}`);
    const earlier = madeId === id ? undefined : await find(madeId);
    if (earlier !== undefined) return { made: earlier, isNew: false };
    try {
      return { made: await make(madeId), isNew: true };
    } catch (error) {
      // Of what may have been made all the same the mark stays, and the next request finds it.
      const isMade = await find(madeId).then(
        (made) => made !== undefined,
        () => true,
      );
      if (!isMade) await store.dropMark(mark).catch(() => undefined);
      throw error;
    }
  };
  return {
    once: async (asked, maker) => {
      const mark = markOf(asked);
      if (mark === undefined) return { made: await maker.make(newId(maker.prefix, now())), isNew: true };
      if (inFlight.has(mark)) throw stillInFlight();
      inFlight.add(mark);
      try {
        return await makeMarked(mark, asked.requestHash, maker);
      } finally {
        inFlight.delete(mark);
      }
    },
    earlier: async (asked) => {
      const mark = markOf(asked);
      return mark === undefined ? undefined : store.findMark(mark);
    },
    close: stopForgetting,
  };
}

function markOf({ apiKeyId, idempotencyKey }: Omit<Repeatable, 'requestHash'>): string | undefined {
  return idempotencyKey === null ? undefined : sha256Hex(new TextEncoder().encode(`${apiKeyId}\n${idempotencyKey}`));
}

/** What was looked for, or undefined where the refusal says that it is not there. */
export async function unlessMissing<Found>(found: Promise<Found>, missing: string): Promise<Found | undefined> {
  try {
    return await found;
  } catch (error) {
    if ((error as { code?: unknown }).code === missing) return undefined;
    throw error;
  }
}
