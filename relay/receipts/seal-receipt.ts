import { type KeyObject, verify } from 'node:crypto';
import { base64UrlToBytes } from '../../shared/protocol/base64.ts';
import { canonicalJson } from '../../shared/receipts/canonical-json.ts';
import type { Receipt, SignatureVerdict } from '../../shared/receipts/receipt.ts';
import {
  nodeStatementBytes,
  nodeStatementOf,
  relayStatementBytes,
  type UnsealedReceipt,
} from '../../shared/receipts/statements.ts';
import { type NKey, verifyingKey } from '../fabric/nkey.ts';
import { createRecentMap } from '../recent-map.ts';
import type { ReceiptDraft } from './draft-receipt.ts';

/** The part of the relay's key that receipts need. */
export type ReceiptSigner = Pick<NKey, 'publicKey' | 'sign'>;

/** A receipt as the very text whose bytes the log covers (RFC 8785). */
export type SealedReceipt = { readonly id: string; readonly body: string; readonly verdict: SignatureVerdict };

export type ReceiptSealer = (draft: ReceiptDraft) => SealedReceipt;

/** Importing a key costs as much as half a verification; a fleet beyond this pays it again and again. */
const MOST_NODE_KEYS = 4_096;

/**
 * Makes receipts of drafts: looks whether the node's signature fits what the relay saw, and signs for the relay. A
 * receipt goes without a signature that does not fit, and says so. Some 0.2 ms of work, so not for the event loop.
 */
export function createReceiptSealer(relay: ReceiptSigner): ReceiptSealer {
  const known = createRecentMap<KeyObject>(MOST_NODE_KEYS);
  const keyOf = (publicKey: string): KeyObject | undefined => {
    const key = known.get(publicKey) ?? verifyingKey(publicKey);
    if (key !== undefined) known.set(publicKey, key);
    return key;
  };
  const judge = (draft: ReceiptDraft): SignatureVerdict => {
    const { nodeKey, nodeSignature } = draft;
    if (nodeSignature === null) return 'absent';
    const statement = nodeStatementOf(draft, nodeKey);
    const key = statement && keyOf(statement.nodeKey);
    const bytes = base64UrlToBytes(nodeSignature);
    if (statement === undefined || key === undefined || bytes === undefined) return 'refused';
    return verify(null, nodeStatementBytes(statement), key, bytes) ? 'sound' : 'refused';
  };
  return (draft) => {
    const verdict = judge(draft);
    const unsealed = unsealedOf(draft, relay.publicKey, verdict);
    const signature = Buffer.from(relay.sign(relayStatementBytes(unsealed))).toString('base64url');
    const { node } = unsealed.signatures;
    const receipt: Receipt = { ...unsealed, signatures: { node, relay: signature, verdict } };
    return { id: receipt.id, body: canonicalJson(receipt), verdict };
  };
}

/** In the order of the canonical form, which is then several times as quick to write. */
function unsealedOf(draft: ReceiptDraft, relayKey: string, verdict: SignatureVerdict): UnsealedReceipt {
  return {
    attempt: draft.attempt,
    epoch: draft.epoch,
    execution: draft.execution,
    id: draft.id,
    issuedAt: draft.issuedAt,
    job: draft.job,
    keys: { node: draft.nodeKey, relay: relayKey },
    model: draft.model,
    node: draft.node,
    nonce: draft.nonce,
    requestHash: draft.requestHash,
    responseHash: draft.responseHash,
    service: draft.service,
    signatures: { node: verdict === 'sound' ? draft.nodeSignature : null, verdict },
    times: draft.times,
    usage: draft.usage,
    v: draft.v,
  };
}
