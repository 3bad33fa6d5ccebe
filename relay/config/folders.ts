import { join } from 'node:path';

/** A relay keeps its files apart from those of a node that shares the data folder. */
export function relayFolder(dataFolder: string): string {
  return join(dataFolder, 'relay');
}

/** A node keeps its files apart from those of a relay that shares the data folder. */
export function nodeFolder(dataFolder: string): string {
  return join(dataFolder, 'node');
}
