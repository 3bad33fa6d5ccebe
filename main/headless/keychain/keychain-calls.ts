import type { Keychain } from './keychain.ts';

/** Gives a signal that aborts after so many milliseconds. */
export type TimeLimit = (milliseconds: number) => AbortSignal;

/** A whole trial. The file is at hand, so that a keychain that waits for somebody is not waited for. */
export const PROBE_LIMIT_MS = 5_000;
/** One call without which the node cannot go on: time for a person to see a prompt and type a password. */
export const CALL_LIMIT_MS = 30_000;

/**
 * Makes one call of a keychain and never waits longer than its limit, whatever the keychain does. Rejects with the
 * keychain's own error, or with the end of a sentence when the limit is over.
 */
export async function callKeychain<Value>(
  limitMs: number,
  limit: TimeLimit,
  call: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const signal = limit(limitMs);
  const over = Promise.withResolvers<never>();
  const end = () =>
    over.reject(
      new Error(`it has not answered within ${limitMs / 1_000} seconds, as when it waits for somebody to unlock it`),
    );
  signal.addEventListener('abort', end);
  try {
    return await Promise.race([call(signal), over.promise]);
  } finally {
    signal.removeEventListener('abort', end);
  }
}

/** Writes, reads and removes an entry of its own. Rejects with why the keychain cannot be relied on. */
export async function probeKeychain(keychain: Keychain, account: string, signal: AbortSignal): Promise<void> {
  const wanted = `probe of ${account}`;
  await keychain.write(account, wanted, signal);
  const found = await keychain.read(account, signal);
  await keychain.remove(account, signal);
  if (found !== wanted) throw new Error('it does not give back what was written to it');
  if ((await keychain.read(account, signal)) !== undefined) throw new Error('it does not remove what it is told to');
}
