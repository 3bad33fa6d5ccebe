import { hash, type KeyObject, verify } from 'node:crypto';
import { Problem } from '../../shared/problems/problem.ts';
import {
  type BatchSignature,
  batchBytes,
  pathInputs,
  readNodeSignature,
} from '../../shared/receipts/batch-signature.ts';
import { leafInput } from '../../shared/receipts/log/tree-hashes.ts';
import type { LoggedReceipt, Receipt, SignatureVerdict } from '../../shared/receipts/receipt.ts';
import { nodeStatementBytes, nodeStatementOf, relayStatementBytes } from '../../shared/receipts/statements.ts';
import { type NKey, verifyingKey } from '../fabric/bus/nkey.ts';
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
/** Batches of which more receipts may come. */
const MOST_BATCHES = 1_024;

export function createReceiptSealer(relay: ReceiptSigner): ReceiptSealer {
  const known = createRecentMap<KeyObject>(MOST_NODE_KEYS);
  const keyOf = (publicKey: string): KeyObject | undefined => {
    const key = known.get(publicKey) ?? verifyingKey(publicKey);
    if (key !== undefined) known.set(publicKey, key);
    return key;
  };
  /** What held once, holds: a batch comes with each of its receipts. */
  const sound = createRecentMap<true>(MOST_BATCHES);
  const isSigned = (signed: Uint8Array, nodeKey: string, signature: Uint8Array): boolean => {
    const name = hash('sha256', Buffer.concat([signature, Buffer.from(nodeKey), signed]), 'base64');
    if (sound.get(name) === true) return true;
    const key = keyOf(nodeKey);
    if (key === undefined || !verify(null, signed, key, signature)) return false;
    sound.set(name, true);
    return true;
  };
  const judge = (receipt: LoggedReceipt): SignatureVerdict => {
    const { node: signature } = receipt.signatures;
    if (signature === null) return 'absent';
    const statement = nodeStatementOf(receipt);
    const parts = readNodeSignature(signature);
    if (statement === undefined || parts === undefined) return 'refused';
    const signed = signedBytes(nodeStatementBytes(statement), parts);
    return signed !== undefined && isSigned(signed, statement.nodeKey, parts.signature) ? 'sound' : 'refused';
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

/** What the signature is under: the statement, or the root of its batch. Undefined for a path that does not fit. */
function signedBytes(statement: Uint8Array, batch: BatchSignature): Uint8Array | undefined {
  if (batch.size === 1) return statement;
  const steps = pathInputs(batch);
  if (steps === undefined) return undefined;
  const root = steps.reduce((below: Uint8Array, step) => sha256(step(below)), sha256(leafInput(statement)));
  return batchBytes(root, batch.size);
}

function sha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer');
}
