import { isSignedBy } from '../identity/signer.ts';
import { base64UrlToBytes } from '../protocol/base64.ts';
import { canonicalJson } from '../receipts/canonical-json.ts';
import type { Settlement, SettlementLine } from './settlement.ts';

/** The bytes of one leaf of a settlement's tree. */
export function lineBytes({ account, amountMicro }: SettlementLine): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(canonicalJson({ account, amountMicro }));
}

/** What the relay signs of a settlement: all of it but the lines, which the root stands for. */
export function settlementBytes(settlement: Omit<Settlement, 'signature' | 'lines'>): Uint8Array<ArrayBuffer> {
  const { v, id, closedAt, entries, totalMicro, root, relayKey } = settlement;
  const { from, to } = entries;
  const text = canonicalJson({ v, id, closedAt, entries: { from, to }, totalMicro, root, relayKey });
  return new TextEncoder().encode(`sparewatt settlement 1\n${text}`);
}

export async function isSettlementSigned(settlement: Settlement): Promise<boolean> {
  const signature = base64UrlToBytes(settlement.signature);
  return signature !== undefined && (await isSignedBy(settlement.relayKey, settlementBytes(settlement), signature));
}
