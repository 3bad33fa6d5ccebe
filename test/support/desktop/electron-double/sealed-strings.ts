import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { ElectronSurface } from '../../../../main/surface.ts';

const IV_BYTES = 12;
const TAG_BYTES = 16;

export type Keyring = {
  /** Locked for good, as after its prompt was dismissed. */
  isLocked: boolean;
  /** Ends when a person has answered the prompt that is open. */
  prompt?: Promise<void>;
  backend: ReturnType<ElectronSurface['safeStorage']['getSelectedStorageBackend']>;
  /** What it seals with; who has the same unseals it after a restart. */
  key: Buffer;
};

/**
 * Electron's safeStorage over a keyring of the test. As on Linux there is one for anybody to ask, also where it then has no
 * key, and whoever asks waits for the prompt.
 */
export function sealedStrings(keyring: Keyring): ElectronSurface['safeStorage'] {
  return {
    isAsyncEncryptionAvailable: async () => {
      await keyring.prompt;
      return true;
    },
    getSelectedStorageBackend: () => keyring.backend,
    encryptStringAsync: async (text) => {
      await keyring.prompt;
      if (keyring.isLocked)
        throw new Error('Error while encrypting the text provided to safeStorage.encryptStringAsync.');
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', keyring.key, iv);
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), sealed]);
    },
    decryptStringAsync: async (sealed) => {
      await keyring.prompt;
      if (keyring.isLocked)
        throw new Error('Error while decrypting the ciphertext provided to safeStorage.decryptStringAsync.');
      const decipher = createDecipheriv('aes-256-gcm', keyring.key, sealed.subarray(0, IV_BYTES));
      decipher.setAuthTag(sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
      const text = Buffer.concat([decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
      return { result: text.toString('utf8'), shouldReEncrypt: false };
    },
  };
}
