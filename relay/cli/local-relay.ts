import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../shared/problems/problem.ts';

/** A relay keeps its files apart from those of a node that shares the data folder. */
export function relayFolder(dataFolder: string): string {
  return join(dataFolder, 'relay');
}

/** The API key of the relay that keeps its data here, so that a person on the same machine need not copy it. */
export async function readApiKey(dataFolder: string): Promise<string> {
  try {
    const keys: unknown = JSON.parse(await readFile(join(relayFolder(dataFolder), 'keys.json'), 'utf8'));
    if (typeof keys === 'object' && keys !== null && 'apiKey' in keys && typeof keys.apiKey === 'string') {
      return keys.apiKey;
    }
  } catch {
    // Said below, whatever the reason: the way out is the same.
  }
  throw new Problem(
    'invalid_api_key',
    `No API key was given and none was found in ${dataFolder}. Use --api-key, SPAREWATT_API_KEY, or --data with the folder of the relay.`,
  );
}
