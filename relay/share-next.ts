/**
 * What is dear to make, one at a time: who asks while one is made shares the next with all who do. Each gets what was
 * begun after it asked, so that nobody reads what was so before its own change; however many ask, no more than one is at work.
 */
export function shareNext<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let current: Promise<unknown> | undefined;
  let next: Promise<Value> | undefined;
  const begin = (): Promise<Value> => {
    next = undefined;
    const value = make();
    current = value;
    const end = (): void => {
      current = undefined;
    };
    value.then(end, end);
    return value;
  };
  return () => {
    if (current === undefined && next === undefined) return begin();
    next ??= (current ?? Promise.resolve()).then(begin, begin);
    return next;
  };
}
