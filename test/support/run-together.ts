import { after, describe } from 'node:test';
import { pathToFileURL } from 'node:url';

/** Runs test files one after the other in this process, each as a suite of its name. Their own hooks are of that suite. */
export function runTogether(paths: readonly string[]): void {
  const open = new Set(paths);
  // An exit would take all of them, and one with 0 look like an end.
  process.once('exit', () => {
    if (open.size === 0) return;
    console.error(`Ended before its files had: ${[...open].join(', ')}.`);
    process.exitCode ||= 1;
  });
  for (const path of paths) {
    // Each test has its own limit; all of a file has that of its process (file-deadline.ts).
    describe(path, { timeout: Number.POSITIVE_INFINITY }, async () => {
      after(() => void open.delete(path));
      await import(pathToFileURL(path).href);
    });
  }
}
