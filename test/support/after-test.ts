import type { TestContext } from 'node:test';

const steps = new WeakMap<TestContext, Array<() => unknown>>();

/** Runs a step when the test ends, last registered first, as what was built last must go first; node:test runs them in order. */
export function afterTest(t: TestContext, step: () => unknown): void {
  const known = steps.get(t);
  if (known !== undefined) {
    known.push(step);
    return;
  }
  const list = [step];
  steps.set(t, list);
  t.after(async () => {
    for (const undo of list.reverse()) await undo();
  });
}
