import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../../shared/problems/problem.ts';

/** A relay keeps its files apart from those of a node that shares the data folder. */
export function relayFolder(dataFolder: string): string {
  return join(dataFolder, 'relay');
}

/** Where this machine reaches a relay of its own: one that listens on every address has none to dial by that name. */
export function localUrlOf(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  const name = hostname === '0.0.0.0' || hostname === '[::]' ? '127.0.0.1' : hostname;
  return `${protocol}//${name}${port === '' ? '' : `:${port}`}`;
}

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
    const keys: unknown = JSON.parse(await readFile(join(relayFolder(dataFolder), 'keys.json'), 'utf8'));
    const key = (keys as Record<string, unknown>)[name];
    if (typeof key === 'string') return key;
  } catch {
    // Said below, whatever the reason: the way out is the same.
  }
  throw new Problem('invalid_api_key', `${missing} in ${dataFolder}. Use ${otherWays}, or --data with its folder.`);
}
