/** WebCrypto works in threads of its own: what it has been asked and has not yet answered, so that a test can wait for it. */
const running = new Set<Promise<unknown>>();

const METHODS = ['sign', 'verify', 'digest', 'importKey', 'exportKey'] as const;

for (const name of METHODS) {
  const original = crypto.subtle[name] as (...args: unknown[]) => Promise<unknown>;
  const counted = (...args: unknown[]): Promise<unknown> => {
    const work = original.apply(crypto.subtle, args);
    running.add(work);
    const done = (): void => void running.delete(work);
    work.then(done, done);
    return work;
  };
  Object.defineProperty(crypto.subtle, name, { value: counted });
}

/** False when there was nothing to wait for. */
export async function untilCryptoRests(): Promise<boolean> {
  if (running.size === 0) return false;
  await Promise.allSettled(running);
  return true;
}
