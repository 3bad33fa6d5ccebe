/** Long enough for any machine; without it a test that has failed would keep its process alive for ever. */
const UNTIL_MS = 15_000;

/**
 * Between two looks: three times as long as a look took, so that whoever waits leaves the processor to what is waited for, and not so
 * long that a state is missed which is there for a moment.
 */
const LEAST_REST_MS = 5;
const MOST_REST_MS = 20;

/** Waits until something is so that something else brings about. Throws when it has not come about within `withinMs`. */
export async function until(isSo: () => boolean | Promise<boolean>, withinMs = UNTIL_MS): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (true) {
    const askedAt = performance.now();
    if (await isSo()) return;
    const now = performance.now();
    if (now > deadline) throw new Error(`this did not come about within ${withinMs} ms: ${isSo}`);
    await new Promise((resolve) =>
      setTimeout(resolve, Math.min(Math.max(LEAST_REST_MS, 3 * (now - askedAt)), MOST_REST_MS)),
    );
  }
}
