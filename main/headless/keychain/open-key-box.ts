import { join, resolve } from 'node:path';
import type { KeyStore } from '../../../shared/config/node-settings.ts';
import { fileSecretBox, type SecretBox } from '../secret-box.ts';
import { type Keychain, KeychainFault } from './keychain.ts';
import { accountInNote, keychainBox, reasonOf, unavailable } from './keychain-box.ts';
import { CALL_LIMIT_MS, callKeychain, PROBE_LIMIT_MS, probeKeychain, type TimeLimit } from './keychain-calls.ts';

/** Holds the key of a node, or the note that it lies in the keychain. */
const NODE_KEY_FILE = 'node-key.json';
/** Windows takes 512 characters, and the end of a path says more than its beginning. */
const FOLDER_CHARACTERS = 200;

export type KeyBoxOptions = {
  /** The folder of one node; each has an entry of its own in the keychain. */
  folder: string;
  keyStore: KeyStore;
  keychain: Keychain;
  limit: TimeLimit;
  randomId: () => string;
};

/** A box, and why it is that one: the end of a sentence for the log; `cause` is what a keychain has said in its own words. */
export type ChosenBox = { box: SecretBox; why: string; cause?: string };

/**
 * Chooses where the key of a node lies. `auto` leaves a key where it is and takes the keychain for a new one if that can
 * be relied on; `keychain` and `file` move a key that is elsewhere. Errors: `keychain_unavailable`; whatever the file
 * system says.
 *
 * Invariants: (1) a key that exists is used or the start fails, and no other is made in its place; (2) a move writes the
 * new place, changes the file in one step, and only then clears the old place; (3) no keychain is waited for longer than
 * its limit.
 */
export async function openKeyBox(options: KeyBoxOptions): Promise<ChosenBox> {
  const file = fileSecretBox(join(options.folder, NODE_KEY_FILE));
  const text = await file.read();
  const account = text === undefined ? undefined : accountInNote(text);
  if (text === undefined) return chooseForNewKey(options, file);
  if (account !== undefined) return openNoted(options, file, account);
  if (options.keyStore !== 'keychain' || !isKey(text)) return { box: file, why: 'it was made there' };
  await assertUsable(options);
  const box = boxIn(options, file);
  await box.write(text);
  return { box, why: 'it was moved there, as key_store says' };
}

async function chooseForNewKey(options: KeyBoxOptions, file: SecretBox): Promise<ChosenBox> {
  if (options.keyStore === 'file') return { box: file, why: 'key_store says so' };
  if (options.keyStore === 'keychain') {
    await assertUsable(options);
    return { box: boxIn(options, file), why: 'key_store says so' };
  }
  try {
    await probe(options, PROBE_LIMIT_MS);
  } catch (error) {
    return { box: file, why: `${options.keychain.name} cannot be used: ${reasonOf(error)}`, ...saidBy(error) };
  }
  return { box: boxIn(options, file), why: 'it was tried and works' };
}

async function openNoted(options: KeyBoxOptions, file: SecretBox, account: string): Promise<ChosenBox> {
  const box = boxIn(options, file, account);
  if (options.keyStore !== 'file') return { box, why: `${NODE_KEY_FILE} says so` };
  const key = await box.read();
  if (key !== undefined) await file.write(key);
  const { keychain, limit } = options;
  const left = await callKeychain(CALL_LIMIT_MS, limit, (signal) => keychain.remove(account, signal)).then(
    () => ({ why: '' }),
    (error: unknown) => ({
      why: `; what is left in ${box.where} could not be removed: ${reasonOf(error)}`,
      ...saidBy(error),
    }),
  );
  return { ...left, box: file, why: `it was moved there, as key_store says${left.why}` };
}

function saidBy(error: unknown): Pick<ChosenBox, 'cause'> {
  return error instanceof KeychainFault ? { cause: error.message } : {};
}

function boxIn(options: KeyBoxOptions, note: SecretBox, noted?: string): SecretBox {
  const { keychain, limit, folder, randomId } = options;
  // The path is for people. It may come to belong to another node, whose entry must not be this one.
  const account = noted ?? `${resolve(folder).slice(-FOLDER_CHARACTERS)} ${randomId()}`;
  const notePath = join(folder, NODE_KEY_FILE);
  return keychainBox({ keychain, account, note, notePath, isNoted: noted !== undefined, limit });
}

async function assertUsable(options: KeyBoxOptions): Promise<void> {
  try {
    await probe(options, CALL_LIMIT_MS);
  } catch (error) {
    throw unavailable(`The key of this node cannot be kept in ${options.keychain.name}: ${reasonOf(error)}.`, error);
  }
}

function probe({ keychain, limit, randomId }: KeyBoxOptions, limitMs: number): Promise<void> {
  const account = `probe ${randomId()}`;
  return callKeychain(limitMs, limit, (signal) => probeKeychain(keychain, account, signal));
}

/** What is damaged stays where a person will look for it. */
function isKey(text: string): boolean {
  try {
    return typeof (JSON.parse(text) as { seed?: unknown }).seed === 'string';
  } catch {
    return false;
  }
}
