/** Long enough for any machine, whatever else it does; without it a test that has failed would keep its process alive for ever. */
const UNTIL_MS = 60_000;

/** Waits until something is so that something else brings about. Throws when it has not come about within `withinMs`. */
export async function until(isSo: () => boolean | Promise<boolean>, withinMs = UNTIL_MS): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`this did not come about within ${withinMs} ms: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
