import { setTimeout as pause } from 'node:timers/promises';
import { repeatHourly } from '../hourly.ts';
import type { RelayLog } from '../log.ts';
import type { Store } from './store.ts';

export type GiveBackPorts = {
  store: Pick<Store, 'giveBack'>;
  log: RelayLog;
  /** Between two steps. */
  restMs?: number;
};

/** A few milliseconds of the database's thread, which has other work to do in between. */
const AT_ONCE_BYTES = 2 * 1024 * 1024;
const REST_MS = 50;

/** Gives the room of what was forgotten back to the disk, at the start and every hour. Returns how to stop. */
export function giveBackRoom({ store, log, restMs = REST_MS }: GiveBackPorts): () => Promise<void> {
  const giveBack = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted && (await store.giveBack(AT_ONCE_BYTES))) {
      await pause(restMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  };
  return repeatHourly(giveBack, (error) =>
    log.error({ err: error }, 'free room of the database could not be given back'),
  );
}
