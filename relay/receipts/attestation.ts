import { basename, dirname, resolve } from 'node:path';
import { Type } from 'typebox';
import { Problem } from '../../shared/problems/problem.ts';
import { readOrCreateSecretFile } from '../data-folder/secret-file.ts';
import { createNKey, type NKey, nkeyFromSeed } from '../fabric/bus/nkey.ts';
import type { RelayLog } from '../log.ts';

const AttestationSeed = Type.Object({ seed: Type.String({ pattern: '^SN[A-Z2-7]{56}$' }) });

export type AttestationKeyOptions = {
  /** Where the key lies; it is made there, for its owner alone, when there is none. Its folder must exist. */
  file: string;
  /** The public key that signs receipts already. */
  relayKey: string;
  log: RelayLog;
};

/**
 * The third key under receipts, which the operator may keep on another disk than the relay's own. Errors:
 * `data_folder_unusable` for a file that cannot be used, `invalid_setting` for the relay's own key.
 */
export function openAttestationKey({ file, relayKey, log }: AttestationKeyOptions): NKey {
  const path = resolve(file);
  const make = () => ({ seed: createNKey('server').seed });
  const { seed } = readOrCreateSecretFile(dirname(path), basename(path), AttestationSeed, make, log);
  const key = nkeyFromSeed(seed);
  if (key.publicKey === relayKey) {
    const detail = `${path} holds the key that signs receipts already: a third signature needs a key of its own. Name another file.`;
    throw new Problem('invalid_setting', detail, { param: 'relay.attestation_key' });
  }
  return key;
}
