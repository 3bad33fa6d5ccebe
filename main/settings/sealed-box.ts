import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../shared/problems/problem.ts';
import { callKeychain, type TimeLimit } from '../headless/keychain/keychain-calls.ts';
import { fileSecretBox, type SecretBox } from '../headless/secret-box.ts';
import type { ElectronSurface } from '../surface.ts';

export type SealedBoxes = {
  /** Whether the system protects what is written; where not, the window says so. */
  readonly isProtected: boolean;
  box(name: string): SecretBox;
};

export type SealedBoxesOptions = {
  safeStorage: ElectronSurface['safeStorage'];
  folder: string;
  platform: NodeJS.Platform;
  limit: TimeLimit;
};

/** A key store that is locked asks a person, and may wait for that for ever. */
const ANSWER_LIMIT_MS = 2_000;

/**
 * Boxes whose secrets the system's own key seals, or files for their owner alone where it has none.
 *
 * Invariants: (1) a secret that was sealed is never taken for absent: where it cannot be opened that is a problem;
 * (2) one that lay open is sealed as soon as the system can, and its file removed after; (3) a key store that is locked
 * holds nobody up: it is `keychain_unavailable`, and the same box can be read once it is open.
 */
export async function openSealedBoxes(options: SealedBoxesOptions): Promise<SealedBoxes> {
  const isProtected = await protects(options);
  return { isProtected, box: (name) => boxOf(name, isProtected, options) };
}

/** Linux without a keyring "encrypts" with a password that everybody knows. */
async function protects({ safeStorage, platform, limit }: SealedBoxesOptions): Promise<boolean> {
  const answer = callKeychain(ANSWER_LIMIT_MS, limit, () =>
    safeStorage.isAsyncEncryptionAvailable().catch(() => false),
  );
  // One that has not answered is there, and asks for its password.
  const isAvailable = await answer.catch(() => true);
  if (!isAvailable || platform !== 'linux') return isAvailable;
  const backend = safeStorage.getSelectedStorageBackend();
  return backend !== 'basic_text' && backend !== 'unknown';
}

function boxOf(name: string, isProtected: boolean, { safeStorage, folder, limit }: SealedBoxesOptions): SecretBox {
  const plain = fileSecretBox(join(folder, `${name}.json`), 'this system protects no secrets');
  const sealed = fileSecretBox(join(folder, `${name}.sealed`));
  const ask = async <Value>(call: () => Promise<Value>): Promise<Value> => {
    try {
      if (!isProtected) throw new Error('this system has no key store');
      return await callKeychain(ANSWER_LIMIT_MS, limit, call);
    } catch (cause) {
      throw locked(name, cause);
    }
  };
  const seal = async (secret: string): Promise<void> => {
    await sealed.write((await ask(() => safeStorage.encryptStringAsync(secret))).toString('base64'));
    await rm(join(folder, `${name}.json`), { force: true });
  };
  const unseal = async (text: string): Promise<string> =>
    (await ask(() => safeStorage.decryptStringAsync(Buffer.from(text, 'base64')))).result;
  return {
    where: isProtected ? `a file of ${folder} that the system's own key seals` : plain.where,
    read: async () => {
      const text = await sealed.read();
      if (text !== undefined) return unseal(text);
      const open = await plain.read();
      if (open !== undefined && isProtected) await seal(open).catch(unlessLocked);
      return open;
    },
    write: (secret) => (isProtected ? seal(secret) : plain.write(secret)),
  };
}

/** Whether a box said that it can be had once the key store is open. */
export function isLocked(error: unknown): boolean {
  return error instanceof Problem && error.code === 'keychain_unavailable';
}

function unlessLocked(error: unknown): void {
  if (!isLocked(error)) throw error;
}

function locked(name: string, cause: unknown): Problem {
  return new Problem(
    'keychain_unavailable',
    `The secret ${name} is sealed with a key that the key store of this system does not give now. Unlock the key store.`,
    { cause },
  );
}
