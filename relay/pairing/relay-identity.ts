import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { Problem } from '../../shared/problems/problem.ts';
import type { DataFolder } from '../data-folder/data-folder.ts';
import { refuseNoFile } from '../data-folder/refuse-no-file.ts';
import { createNKey, type NKey, nkeyFromSeed } from '../fabric/bus/nkey.ts';

const RelaySeed = Type.Object({ seed: Type.String({ pattern: '^SN[A-Z2-7]{56}$' }) });

/**
 * The key by which nodes know this relay, made on the first start and kept in `relay-identity.json`. Apart from the
 * keys of the bus: those may be shared with the owner of a NATS cluster or replaced, this one is what nodes have pinned.
 */
export function readOrCreateRelayIdentity(folder: DataFolder): NKey {
  const { seed } = folder.readOrCreateSecretFile('relay-identity.json', RelaySeed, () => ({
    seed: createNKey('server').seed,
  }));
  return nkeyFromSeed(seed);
}

/** The public half, also while a relay holds the folder. Errors: `data_folder_unusable`. */
export function readRelayPublicKey(folder: string): string {
  const file = join(folder, 'relay-identity.json');
  try {
    refuseNoFile(file);
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (Value.Check(RelaySeed, content)) return nkeyFromSeed(content.seed).publicKey;
  } catch {
    // Said below; the reason could quote the seed.
  }
  throw new Problem('data_folder_unusable', `${file} holds no key of a relay. Give the data folder of a relay.`);
}
