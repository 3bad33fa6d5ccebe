import { basename, dirname, resolve } from 'node:path';
import { Type } from 'typebox';
import { Problem } from '../../shared/problems/problem.ts';
import { attestationBytes } from '../../shared/receipts/attestation.ts';
import { readOrCreateSecretFile } from '../data-folder/secret-file.ts';
import { createNKey, type NKey, nkeyFromSeed } from '../fabric/nkey.ts';
import type { RelayLog } from '../log.ts';
import type { ReceiptSealer } from './seal-receipt.ts';

const AttestationSeed = Type.Object({ seed: Type.String({ pattern: '^SN[A-Z2-7]{56}$' }) });

export type AttestationKeyOptions = {
  /** Where the key lies; it is made there, for its owner alone, when there is none. Its folder must exist. */
  file: string;
  /** The public key that signs receipts already. */
  relayKey: string;
  log: RelayLog;
};

/**
 * The third key under receipts, which the operator may keep on another disk than the relay's own. Errors:
 * `data_folder_unusable` for a file that cannot be used, `invalid_setting` for the relay's own key.
 */
export function openAttestationKey({ file, relayKey, log }: AttestationKeyOptions): NKey {
  const path = resolve(file);
  const make = () => ({ seed: createNKey('server').seed });
  const { seed } = readOrCreateSecretFile(dirname(path), basename(path), AttestationSeed, make, log);
  const key = nkeyFromSeed(seed);
  if (key.publicKey === relayKey) {
    const detail = `${path} holds the key that signs receipts already: a third signature needs a key of its own. Name another file.`;
    throw new Problem('invalid_setting', detail, { param: 'relay.attestation_key' });
  }
  return key;
}

/** Receipts as the sealer makes them, attested where there is a key for it. Ed25519 has no chance in it. */
export function withAttestation(sealer: ReceiptSealer, seed: string | undefined): ReceiptSealer {
  if (seed === undefined) return sealer;
  const { publicKey: key, sign } = nkeyFromSeed(seed);
  return {
    ...sealer,
    seal: (record) => {
      const receipt = sealer.seal(record);
      const { verdict } = receipt.signatures;
      const signature = sign(attestationBytes({ key, record, verdict }));
      return { ...receipt, attestation: { key, signature: Buffer.from(signature).toString('base64url') } };
    },
  };
}
