import { type Static, Type } from 'typebox';
import { newAdminToken, newApiKey } from '../access/api-keys.ts';
import type { DataFolder } from './data-folder.ts';

const RelayKeys = Type.Object({
  /** What clients send as a bearer token. */
  apiKey: Type.String({ pattern: '^sk-sparewatt-.+' }),
  /** What lets machines join and operators administer. */
  adminToken: Type.String({ pattern: '^sw-admin-.+' }),
});
export type RelayKeys = Static<typeof RelayKeys>;

/** The relay's first API key and its admin token, made on the first start and kept in `keys.json`. */
export function readOrCreateKeys(folder: DataFolder): RelayKeys {
  return folder.readOrCreateSecretFile('keys.json', RelayKeys, () => ({
    apiKey: newApiKey(),
    adminToken: newAdminToken(),
  }));
}
