import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Problem } from '../../../shared/problems/problem.ts';
import type { DataFolder } from '../../data-folder/data-folder.ts';
import { refuseNoFile } from '../../data-folder/refuse-no-file.ts';
import { createNKey, type NKey, nkeyFromSeed } from './nkey.ts';

/** The keys behind the bus: who may say who is who. */
export type BusIdentity = {
  /** Signs accounts; the server trusts whatever it signed. */
  readonly operator: NKey;
  /** The server's own account: events and control. */
  readonly system: NKey;
  /** The account in which the relay and its nodes talk. */
  readonly fabric: NKey;
  /** Signs nodes, and can give them nothing beyond the node's template. */
  readonly nodeSigner: NKey;
  /** The relay as a user of the fabric, and of the system account. */
  readonly relayUser: NKey;
  readonly systemUser: NKey;
};

const seed = (prefix: string) => Type.String({ pattern: `^S${prefix}[A-Z2-7]{56}$` });
const BusSeeds = Type.Object({
  operator: seed('O'),
  system: seed('A'),
  fabric: seed('A'),
  nodeSigner: seed('A'),
  relayUser: seed('U'),
  systemUser: seed('U'),
});

/** The identity of this relay's bus, made on the first start and kept in `bus-identity.json`. */
export function readOrCreateBusIdentity(folder: DataFolder): BusIdentity {
  return fromSeeds(folder.readOrCreateSecretFile('bus-identity.json', BusSeeds, makeSeeds));
}

/**
 * The identity that a relay left in its data folder, for commands that run beside it.
 * Errors: `data_folder_unusable` when there is none that can be read.
 */
export async function readBusIdentity(relayFolder: string): Promise<BusIdentity> {
  const file = join(relayFolder, 'bus-identity.json');
  try {
    refuseNoFile(file);
    const seeds: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (Value.Check(BusSeeds, seeds)) return fromSeeds(seeds);
  } catch {
    // Said below, whatever the reason: the parser's own message would quote secrets.
  }
  throw new Problem(
    'data_folder_unusable',
    `No relay has left its keys in ${file}. Start the relay once, or name its folder with --data.`,
  );
}

function makeSeeds(): Static<typeof BusSeeds> {
  return {
    operator: createNKey('operator').seed,
    system: createNKey('account').seed,
    fabric: createNKey('account').seed,
    nodeSigner: createNKey('account').seed,
    relayUser: createNKey('user').seed,
    systemUser: createNKey('user').seed,
  };
}

function fromSeeds(seeds: Static<typeof BusSeeds>): BusIdentity {
  return {
    operator: nkeyFromSeed(seeds.operator),
    system: nkeyFromSeed(seeds.system),
    fabric: nkeyFromSeed(seeds.fabric),
    nodeSigner: nkeyFromSeed(seeds.nodeSigner),
    relayUser: nkeyFromSeed(seeds.relayUser),
    systemUser: nkeyFromSeed(seeds.systemUser),
  };
}
