import { readFile } from 'node:fs/promises';
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';

/** A note of JSON beside a model's files; null for one that is not there, cut short or of another shape. */
export async function readNote<Note extends TSchema>(path: string, shape: Note): Promise<Static<Note> | null> {
  try {
    const note: unknown = JSON.parse(await readFile(path, 'utf8'));
    return Value.Check(shape, note) ? note : null;
  } catch {
    return null;
  }
}
