import { attestationBytes } from '../../shared/receipts/attestation.ts';
import { nkeyFromSeed } from '../fabric/bus/nkey.ts';
import type { ReceiptSealer } from './seal-receipt.ts';

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
