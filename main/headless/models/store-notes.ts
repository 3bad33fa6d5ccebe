import { join } from 'node:path';

/** Beside the models, under a name that no model can have: what the store itself keeps about each of them. */
const NOTES_FOLDER = '.store';

/** The folder of notes about the model in the folder `name` of the store. */
export function notesFolder(cacheFolder: string, name: string): string {
  return join(cacheFolder, NOTES_FOLDER, encodeURIComponent(name));
}

export function lockPath(cacheFolder: string, name: string): string {
  return join(notesFolder(cacheFolder, name), 'lock');
}
