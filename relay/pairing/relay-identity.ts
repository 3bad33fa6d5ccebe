import { Type } from 'typebox';
import type { DataFolder } from '../data-folder/data-folder.ts';
import { createNKey, type NKey, nkeyFromSeed } from '../fabric/nkey.ts';

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
