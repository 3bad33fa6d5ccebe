/** Builds the page with the engine in it, unless it is there already: once for all test files that open it. */
import { buildEnginePage } from './engine-page.ts';

await buildEnginePage();
