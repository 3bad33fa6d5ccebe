import { buildLibraries } from './build-libraries.ts';
import { arePagesFresh, buildPages } from './build-pages.ts';

/** `npm run build`: the pages that the relay serves, and what makes processes start sooner. `--if-needed` builds only what has changed since. */
// What is half built is taken away by those who listen for the end.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
const onlyIfNeeded = process.argv.includes('--if-needed');
if (!onlyIfNeeded || !arePagesFresh()) {
  const startedAt = performance.now();
  const isBuilt = await didUnlessImpossible('pages', () => buildPages());
  if (isBuilt) console.log(`Built the pages (${((performance.now() - startedAt) / 1_000).toFixed(1)} s).`);
}
await didUnlessImpossible('libraries', () => buildLibraries());

async function didUnlessImpossible(what: string, build: () => Promise<void>): Promise<boolean> {
  try {
    await build();
    return true;
  } catch (error) {
    if (!onlyIfNeeded) throw error;
    // A relay works without its pages, and says how to get them; without the libraries it starts a little later.
    console.error(`The ${what} could not be built: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}
