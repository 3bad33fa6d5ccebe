import { setTimeout as pause } from 'node:timers/promises';

const REST_MOST_MS = 2_000;

/**
 * What is dear to make, one at a time: who asks while one is made shares the next with all who do. Each gets what was
 * begun after it asked, so that nobody reads what was so before its own change; however many ask, no more than one is at work.
 * With a rest of so many times what the last one took, two seconds at most, whoever asks again and again takes no more than a share of a processor.
 */
export function shareNext<Value>(make: () => Promise<Value>, rest = 0): () => Promise<Value> {
  let current: Promise<unknown> | undefined;
  let next: Promise<Value> | undefined;
  const begin = (): Promise<Value> => {
    next = undefined;
    const startedAt = performance.now();
    const value = make();
    const recover = (): Promise<void> =>
      pause(Math.min(REST_MOST_MS, rest * (performance.now() - startedAt)), undefined, { ref: false });
    const over = rest === 0 ? value : value.then(recover, recover);
    current = over;
    const end = (): void => {
      current = undefined;
    };
    over.then(end, end);
    return value;
  };
  return () => {
    if (current === undefined && next === undefined) return begin();
    next ??= (current ?? Promise.resolve()).then(begin, begin);
    return next;
  };
}
