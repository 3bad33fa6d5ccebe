import { flushCompileCache } from 'node:module';

/** The first answer after a start does not wait for it. */
const DELAY_MS = 1_500;

/**
 * Writes what this process, or thread, has compiled to the compile cache in a moment, instead of at its end: some thousand small files
 * after the first start of all, for which Ctrl-C would wait seconds. Later starts have nothing to write.
 */
export function saveCompiledCodeSoon(): void {
  setTimeout(() => flushCompileCache(), DELAY_MS).unref();
}
