import { flushCompileCache } from 'node:module';

/** The first answer after a start does not wait for it. */
const DELAY_MS = 1_500;

/** As `relay/compiled-code.ts`, which says why. */
export function saveCompiledCodeSoon(): void {
  setTimeout(() => flushCompileCache(), DELAY_MS).unref();
}
