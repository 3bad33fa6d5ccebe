import type { TestContext } from 'node:test';
import { afterTest } from './after-test.ts';
import { untilCryptoRests } from './running-crypto.ts';

export type MockedTime = {
  /** Lets time pass; what comes due runs. */
  tick(ms: number): void;
  /** Timers that still wait: what a piece of code leaves behind. */
  pending(): number;
};

type Callback = (...args: unknown[]) => void;

/** Mocks the timers of the test, and counts those that have been neither run nor cleared. */
export function mockTime(t: TestContext): MockedTime {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const mocked = { ...pick() };
  const waiting = new Set<unknown>();
  const started = (timer: unknown): unknown => {
    waiting.add(timer);
    return timer;
  };
  const put = (functions: ReturnType<typeof pick>): void => void Object.assign(globalThis, functions);
  put({
    setTimeout: ((run: Callback, ms?: number, ...args: unknown[]) => {
      const timer: unknown = mocked.setTimeout(() => {
        waiting.delete(timer);
        run(...args);
      }, ms);
      return started(timer);
    }) as typeof setTimeout,
    setInterval: ((run: Callback, ms?: number, ...args: unknown[]) =>
      started(mocked.setInterval(run, ms, ...args))) as typeof setInterval,
    clearTimeout: ((timer) => {
      waiting.delete(timer);
      mocked.clearTimeout(timer);
    }) as typeof clearTimeout,
    clearInterval: ((timer) => {
      waiting.delete(timer);
      mocked.clearInterval(timer);
    }) as typeof clearInterval,
  });
  afterTest(t, () => {
    put(mocked);
    t.mock.timers.reset();
  });
  return { tick: (ms) => t.mock.timers.tick(ms), pending: () => waiting.size };
}

function pick() {
  const { setTimeout, setInterval, clearTimeout, clearInterval } = globalThis;
  return { setTimeout, setInterval, clearTimeout, clearInterval };
}

/** Lets everything that was resolved take its course, without letting time pass. */
export async function settled(): Promise<void> {
  do {
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
  } while (await untilCryptoRests());
}
