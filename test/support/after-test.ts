import type { TestContext } from 'node:test';

const steps = new WeakMap<TestContext, Array<() => unknown>>();

/**
 * Runs a step when the test ends, last registered first, as what was built last must go first; node:test runs them in order.
 * One that fails keeps none of the others from running: what would be left behind keeps the test's process alive.
 */
export function afterTest(t: TestContext, step: () => unknown): void {
  const known = steps.get(t);
  if (known !== undefined) {
    known.push(step);
    return;
  }
  const list = [step];
  steps.set(t, list);
  t.after(async () => {
    const failures: unknown[] = [];
    for (const undo of list.reverse()) {
      try {
        await undo();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  });
}
