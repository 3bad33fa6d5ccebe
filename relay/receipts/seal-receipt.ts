import { type KeyObject, verify } from 'node:crypto';
import { Problem } from '../../shared/problems/problem.ts';
import { base64UrlToBytes } from '../../shared/protocol/base64.ts';
import type { LoggedReceipt, Receipt, SignatureVerdict } from '../../shared/receipts/receipt.ts';
import { nodeStatementBytes, nodeStatementOf, relayStatementBytes } from '../../shared/receipts/statements.ts';
import { type NKey, verifyingKey } from '../fabric/nkey.ts';
import { createRecentMap } from '../recent-map.ts';

/** The part of the relay's key that receipts need. */
export type ReceiptSigner = Pick<NKey, 'publicKey' | 'sign'>;

/** Some 0.2 ms of work for each, so not for the event loop. */
export type ReceiptSealer = {
  /** Whether the node's signature fits what the relay saw. */
  judge(receipt: LoggedReceipt): SignatureVerdict;
  /**
   * Signs a receipt for whoever asks. Ed25519 has no chance in it: the same receipt gets the same signature every time.
   * Errors: `receipt_log_damaged` for a receipt that this relay has not issued.
   */
  seal(receipt: LoggedReceipt): Receipt;
};

/** Importing a key costs as much as half a verification; a fleet beyond this pays it again and again. */
const MOST_NODE_KEYS = 4_096;

export function createReceiptSealer(relay: ReceiptSigner): ReceiptSealer {
  const known = createRecentMap<KeyObject>(MOST_NODE_KEYS);
  const keyOf = (publicKey: string): KeyObject | undefined => {
    const key = known.get(publicKey) ?? verifyingKey(publicKey);
    if (key !== undefined) known.set(publicKey, key);
    return key;
  };
  const judge = (receipt: LoggedReceipt): SignatureVerdict => {
    const { node: signature } = receipt.signatures;
    if (signature === null) return 'absent';
    const statement = nodeStatementOf(receipt);
    const key = statement && keyOf(statement.nodeKey);
    const bytes = base64UrlToBytes(signature);
    if (statement === undefined || key === undefined || bytes === undefined) return 'refused';
    return verify(null, nodeStatementBytes(statement), key, bytes) ? 'sound' : 'refused';
  };
  const seal = (logged: LoggedReceipt): Receipt => {
    if (logged.keys.relay !== relay.publicKey) {
      const detail = `Receipt ${logged.id} names the relay ${logged.keys.relay}. Run sparewatt receipts audit.`;
      throw new Problem('receipt_log_damaged', detail);
    }
    const { node } = logged.signatures;
    const verdict = judge(logged);
    const signature = relay.sign(relayStatementBytes({ ...logged, signatures: { node, verdict } }));
    return { ...logged, signatures: { node, relay: Buffer.from(signature).toString('base64url'), verdict } };
  };
  return { judge, seal };
}
