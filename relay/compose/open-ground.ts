import { type DataFolder, openDataFolder } from '../data-folder/data-folder.ts';
import { type RelayKeys, readOrCreateKeys } from '../data-folder/keys.ts';
import type { NKey } from '../fabric/bus/nkey.ts';
import { type Fabric, openFabric } from '../fabric/open-fabric.ts';
import { assertHost } from '../listen.ts';
import type { RelayLog } from '../log.ts';
import { type NodeRegister, openNodeRegister } from '../pairing/node-register.ts';
import { readOrCreateRelayIdentity } from '../pairing/relay-identity.ts';
import { openAttestationKey } from '../receipts/attestation.ts';
import { HEAD_FILE } from '../receipts/log/head-file.ts';
import type { RelayOptions } from '../relay-options.ts';
import { DATABASE_FILE, openStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import type { RelayTls } from '../tls/open-tls.ts';

/** What a relay stands on: its folder and keys, what it has written down, and the bus to its nodes. */
export type Ground = {
  readonly folder: DataFolder;
  readonly keys: RelayKeys;
  /** The key by which nodes know this relay. */
  readonly identity: NKey;
  /** The public key that attests receipts, where there is one. */
  readonly attestationKey: string | undefined;
  /** Where the database lies, if it lies in the folder. */
  readonly databaseFile: string;
  /** Where the last signed head of the receipt log is kept. */
  readonly headFile: string;
  readonly store: Store;
  readonly register: NodeRegister;
  readonly tls: RelayTls | undefined;
  readonly fabric: Fabric;
};

/** Each part after those that it needs; `undo` is told how to close each that is open. Errors: those of `startRelay`. */
export async function openGround(options: RelayOptions, log: RelayLog, undo: (() => unknown)[]): Promise<Ground> {
  const folder = openDataFolder(options.dataFolder, { log });
  undo.push(() => folder.close());
  await assertHost(options.host);
  const keys = readOrCreateKeys(folder);
  const identity = readOrCreateRelayIdentity(folder);
  const attestation = openAttestation(options, identity, log);
  const files = { databaseFile: folder.file(DATABASE_FILE), headFile: folder.file(HEAD_FILE) };
  const { databaseUrl, databaseWaitMs, maxDatabaseBytes: maxSizeBytes } = options;
  const { databaseFile: file, headFile } = files;
  const seeds = { relaySeed: identity.seed, attestationSeed: attestation?.seed };
  const store = await openStore({ file, headFile, maxSizeBytes, databaseUrl, databaseWaitMs, log, ...seeds });
  undo.push(() => store.close());
  const register = await openNodeRegister({ store: store.pairing, log, now: Date.now });
  const tls = await openTls(options, folder, log);
  undo.push(() => tls?.close());
  const { revocations } = register;
  const fabric = await openFabric({ ...options, log, folder, revocations, tls: tls?.files });
  undo.push(() => fabric.close());
  return { folder, keys, identity, attestationKey: attestation?.publicKey, ...files, store, register, tls, fabric };
}

function openAttestation({ attestationKeyFile: file }: RelayOptions, identity: NKey, log: RelayLog) {
  return file === undefined ? undefined : openAttestationKey({ file, relayKey: identity.publicKey, log });
}

async function openTls(options: RelayOptions, folder: DataFolder, log: RelayLog): Promise<RelayTls | undefined> {
  const { host, publicUrl, tls } = options;
  if (tls === undefined) return undefined;
  // What writes certificates is a hundred modules, for relays with TLS alone.
  const { openRelayTls } = await import('../tls/open-tls.ts');
  return openRelayTls({ folder, place: { host, publicUrl, more: tls.names ?? [] }, now: Date.now, log });
}
