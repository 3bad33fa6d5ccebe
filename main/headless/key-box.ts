import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Problem } from '../../shared/problems/problem.ts';
import { type Keychain, systemKeychain } from './keychain.ts';
import { fileSecretBox, type SecretBox } from './secret-box.ts';

/** Where a node keeps its key: in the keychain if one works, only there, or in a file. */
export const KEY_STORES = ['auto', 'keychain', 'file'] as const;
export type KeyStore = (typeof KEY_STORES)[number];

export type KeyBoxOptions = {
  dataFolder: string;
  keyStore: KeyStore;
  /** The system's own; undefined where there is none. */
  keychain?: () => Promise<Keychain | undefined>;
  /** How long the keychain may take: a locked one may wait for a person whom nobody sees. */
  timeoutMs?: number;
};

const TIMEOUT_MS = 5_000;
const FILE = 'node-key.json';
/** Says that the key lies in the keychain, so that one that is locked is not taken for an empty one. */
const MARKER = 'node-key.keychain';
const WITHOUT_KEYCHAIN = 'there is no keychain without a screen';

/**
 * The box of the key of a data folder's node. One that exists stays where it is; a new one goes into the keychain if that
 * proves to work. Errors: `data_folder_unusable` when a key is in the keychain and that cannot be read, or the keychain
 * is demanded and does not work.
 */
export async function openKeyBox(options: KeyBoxOptions): Promise<SecretBox> {
  const { keyStore, keychain = systemKeychain, timeoutMs = TIMEOUT_MS } = options;
  const dataFolder = resolve(options.dataFolder);
  const file = join(dataFolder, FILE);
  const marker = fileSecretBox(join(dataFolder, MARKER));
  if (existsSync(file)) return fileSecretBox(file);
  const account = (await marker.read())?.trim();
  if (account !== undefined) {
    const found = await keychain();
    if (found === undefined) throw locked(account, 'there is no keychain here');
    return keychainBox(limited(found, timeoutMs), account, marker);
  }
  if (keyStore === 'file') return fileSecretBox(file, 'node.key_store says so');
  const found = await keychain();
  const works = found === undefined ? WITHOUT_KEYCHAIN : await whyUnusable(limited(found, timeoutMs), dataFolder);
  if (found !== undefined && works === undefined) return keychainBox(limited(found, timeoutMs), dataFolder, marker);
  if (keyStore === 'auto') return fileSecretBox(file, works);
  throw new Problem(
    'data_folder_unusable',
    `The keychain cannot keep the key of this node: ${works}. Unlock it, or leave out --key-store.`,
  );
}

function keychainBox(keychain: Limited, account: string, marker: SecretBox): SecretBox {
  return {
    where: `the keychain of the system, under "sparewatt" and the name of its data folder`,
    read: async () => {
      if ((await marker.read()) === undefined) return undefined;
      const secret = await keychain.read(account).catch((cause: unknown) => {
        throw locked(account, reasonOf(cause));
      });
      if (secret !== null) return secret;
      throw locked(account, 'it has no such entry any more');
    },
    write: async (secret) => {
      await keychain.write(account, secret);
      await marker.write(`${account}\n`);
    },
  };
}

type Limited = {
  read(account: string): Promise<string | null>;
  write(account: string, secret: string): Promise<void>;
  remove(account: string): Promise<void>;
};

function limited(keychain: Keychain, timeoutMs: number): Limited {
  const within = async <Value>(ask: (signal: AbortSignal) => Promise<Value>): Promise<Value> => {
    const signal = AbortSignal.timeout(timeoutMs);
    // A library that waits for a person does not hear the signal.
    const late = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error(`it did not answer within ${timeoutMs} ms`)));
    });
    return Promise.race([ask(signal), late]);
  };
  return {
    read: (account) => within((signal) => keychain.read(account, signal)),
    write: (account, secret) => within((signal) => keychain.write(account, secret, signal)),
    remove: (account) => within((signal) => keychain.remove(account, signal)),
  };
}

/** Undefined when what is written can be read again. */
async function whyUnusable(keychain: Limited, dataFolder: string): Promise<string | undefined> {
  const account = `probe of ${dataFolder}`;
  try {
    await keychain.write(account, 'probe');
    const read = await keychain.read(account);
    await keychain.remove(account);
    return read === 'probe' ? undefined : 'the keychain does not keep what is written to it';
  } catch (error) {
    return `the keychain does not work: ${reasonOf(error)}`;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function locked(account: string, reason: string): Problem {
  return new Problem(
    'data_folder_unusable',
    `The key of this node is in the keychain of the system, under "sparewatt" and "${account}", and cannot be read: ${reason}. Unlock the keychain, or remove ${MARKER} from the data folder and become a new node.`,
  );
}
