import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { ElectronSurface } from '../../../main/surface.ts';

const IV_BYTES = 12;
const TAG_BYTES = 16;

export type Keyring = {
  works: boolean;
  backend: ReturnType<ElectronSurface['safeStorage']['getSelectedStorageBackend']>;
  /** What it seals with; who has the same unseals it after a restart. */
  key: Buffer;
};

/** Electron's safeStorage over a keyring of the test. */
export function sealedStrings(keyring: Keyring): ElectronSurface['safeStorage'] {
  return {
    isAsyncEncryptionAvailable: async () => keyring.works,
    getSelectedStorageBackend: () => keyring.backend,
    encryptStringAsync: async (text) => {
      if (!keyring.works) throw new Error('Encryption is not available.');
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', keyring.key, iv);
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), sealed]);
    },
    decryptStringAsync: async (sealed) => {
      if (!keyring.works) throw new Error('Encryption is not available.');
      const decipher = createDecipheriv('aes-256-gcm', keyring.key, sealed.subarray(0, IV_BYTES));
      decipher.setAuthTag(sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
      const text = Buffer.concat([decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
      return { result: text.toString('utf8'), shouldReEncrypt: false };
    },
  };
}
