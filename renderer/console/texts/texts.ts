import type { EN } from './en.ts';

/** Every text of the console; each language has all of them, which the type checks. */
export type Texts = typeof EN;
