import { join } from 'node:path';
import { Problem } from '../../../shared/problems/problem.ts';
import { relayFolder } from '../../config/folders.ts';
import { readIfThere } from '../../data-folder/read-if-there.ts';

/** The API key of the relay that keeps its data here, so that a person on the same machine need not copy it. */
export function readApiKey(dataFolder: string): Promise<string> {
  return readKey(dataFolder, 'apiKey', 'No API key was given and none was found', '--api-key, SPAREWATT_API_KEY');
}

/** The admin token of the relay that keeps its data here. Errors: `invalid_api_key` when there is none. */
export function readAdminToken(dataFolder: string): Promise<string> {
  return readKey(
    dataFolder,
    'adminToken',
    'No admin token was given and none was found',
    '--admin-token, SPAREWATT_ADMIN_TOKEN',
  );
}

async function readKey(dataFolder: string, name: string, missing: string, otherWays: string): Promise<string> {
  try {
    const keys: unknown = JSON.parse(readIfThere(join(relayFolder(dataFolder), 'keys.json'))?.toString() ?? 'null');
    const key = (keys as Record<string, unknown>)[name];
    if (typeof key === 'string') return key;
  } catch {
    // Said below, whatever the reason: the way out is the same.
  }
  throw new Problem('invalid_api_key', `${missing} in ${dataFolder}. Use ${otherWays}, or --data with its folder.`);
}
