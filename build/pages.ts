import { arePagesFresh, buildPages } from './build-pages.ts';

/** `npm run build`: the pages that the relay serves. `--if-needed` builds only what has changed since. */
// What is half built is taken away by those who listen for the end.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
const onlyIfNeeded = process.argv.includes('--if-needed');
if (!onlyIfNeeded || !arePagesFresh()) await buildUnlessImpossible();

async function buildUnlessImpossible(): Promise<void> {
  const startedAt = performance.now();
  try {
    await buildPages();
    console.log(`Built the pages (${((performance.now() - startedAt) / 1_000).toFixed(1)} s).`);
  } catch (error) {
    if (!onlyIfNeeded) throw error;
    // A relay works without its pages, and says how to get them.
    console.error(`The pages could not be built: ${error instanceof Error ? error.message : String(error)}`);
  }
}
