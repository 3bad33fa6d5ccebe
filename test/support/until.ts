/** Long enough for any machine; without it a test that has failed would keep its process alive for ever. */
const UNTIL_MS = 15_000;

/** Waits until something is so that something else brings about. Throws when it has not come about in `UNTIL_MS`. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + UNTIL_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`this did not come about within ${UNTIL_MS} ms: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
