import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../shared/problems/problem.ts';
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
};

/**
 * Boxes whose secrets the system's own key seals, or files for their owner alone where it has none.
 *
 * Invariants: (1) a secret that was sealed is never taken for absent: where it cannot be opened that is a problem;
 * (2) one that lay open is sealed as soon as the system can, and its file removed after.
 */
export async function openSealedBoxes(options: SealedBoxesOptions): Promise<SealedBoxes> {
  const isProtected = await protects(options);
  return { isProtected, box: (name) => boxOf(name, isProtected, options) };
}

/** Linux without a keyring "encrypts" with a password that everybody knows. */
async function protects({ safeStorage, platform }: SealedBoxesOptions): Promise<boolean> {
  const isAvailable = await safeStorage.isAsyncEncryptionAvailable().catch(() => false);
  if (!isAvailable || platform !== 'linux') return isAvailable;
  const backend = safeStorage.getSelectedStorageBackend();
  return backend !== 'basic_text' && backend !== 'unknown';
}

function boxOf(name: string, isProtected: boolean, { safeStorage, folder }: SealedBoxesOptions): SecretBox {
  const plain = fileSecretBox(join(folder, `${name}.json`), 'this system protects no secrets');
  const sealed = fileSecretBox(join(folder, `${name}.sealed`));
  const seal = async (secret: string): Promise<void> => {
    await sealed.write((await safeStorage.encryptStringAsync(secret)).toString('base64'));
    await rm(join(folder, `${name}.json`), { force: true });
  };
  const unseal = async (text: string): Promise<string> => {
    if (!isProtected) throw cannotOpen(name);
    try {
      return (await safeStorage.decryptStringAsync(Buffer.from(text, 'base64'))).result;
    } catch (cause) {
      throw cannotOpen(name, cause);
    }
  };
  return {
    where: isProtected ? `a file of ${folder} that the system's own key seals` : plain.where,
    read: async () => {
      const text = await sealed.read();
      if (text !== undefined) return unseal(text);
      const open = await plain.read();
      if (open !== undefined && isProtected) await seal(open);
      return open;
    },
    write: (secret) => (isProtected ? seal(secret) : plain.write(secret)),
  };
}

function cannotOpen(name: string, cause?: unknown): Problem {
  return new Problem(
    'data_folder_unusable',
    `The secret ${name} was sealed with a key of this system that is not to be had now. Unlock the keychain and start again.`,
    cause === undefined ? {} : { cause },
  );
}
