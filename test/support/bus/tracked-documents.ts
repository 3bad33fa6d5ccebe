import { createDocuments, type Documents } from '../../../relay/fabric/documents/documents.ts';

/** Documents whose signatures are checked on other threads, and a way to wait until that has come to rest. */
export type TrackedDocuments = Documents & {
  /** Lets everything that was resolved take its course, without letting time pass. */
  settled(): Promise<void>;
};

export function trackDocuments(now: () => number): TrackedDocuments {
  const documents = createDocuments(now);
  const reading = new Set<Promise<unknown>>();
  let last: Promise<unknown> = Promise.resolve();
  return {
    ...documents,
    read: (...args) => {
      // One after another: in what order other threads are done would change what happens next.
      const read = last.then(() => documents.read(...args));
      const done = (): void => void reading.delete(read);
      reading.add(read);
      last = read.then(done, done);
      return read;
    },
    settled: async () => {
      do {
        await Promise.allSettled(reading);
        for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
      } while (reading.size > 0);
    },
  };
}
