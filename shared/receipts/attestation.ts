import { isSignedBy } from '../identity/signer.ts';
import { base64UrlToBytes } from '../protocol/base64.ts';
import { canonicalJson } from './canonical-json.ts';
import type { LoggedReceipt, Receipt, SignatureVerdict } from './receipt.ts';

/** The record as it is logged, what the relay found of the node's signature, and the key that vouches for both. */
export type AttestedContent = { key: string; record: LoggedReceipt; verdict: SignatureVerdict };

/** What an attestation key signs. The relay's signature is no part of it: neither key vouches for the other. */
export function attestationBytes({ key, record, verdict }: AttestedContent): Uint8Array<ArrayBuffer> {
  const text = canonicalJson({ key, record, verdict });
  return new TextEncoder().encode(`sparewatt receipt, attestation 1\n${text}`);
}

/** The logged part of a receipt: without its verdict and without the signatures of the relay's side. */
export function loggedPartOf(receipt: Receipt | LoggedReceipt): LoggedReceipt {
  const { attestation: _, signatures, ...record } = receipt as Receipt;
  return { ...record, signatures: { node: signatures.node } };
}

/** Whether the key of its attestation signed this very receipt; false for one without an attestation. */
export async function isAttested(receipt: Receipt): Promise<boolean> {
  const { attestation, signatures } = receipt;
  const signature = attestation && base64UrlToBytes(attestation.signature);
  if (attestation === undefined || signature === undefined) return false;
  const { key } = attestation;
  const content = { key, record: loggedPartOf(receipt), verdict: signatures.verdict };
  return isSignedBy(key, attestationBytes(content), signature);
}
