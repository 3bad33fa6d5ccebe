import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { isSignedBy } from '../identity/signer.ts';
import { counted } from '../problems/counted.ts';
import { base64UrlToBytes } from '../protocol/base64.ts';
import { hexToBytes } from '../protocol/hex.ts';
import { isAttested } from './attestation.ts';
import { batchBytes, pathInputs, readNodeSignature } from './batch-signature.ts';
import { canonicalJson } from './canonical-json.ts';
import { dateText } from './date-text.ts';
import { leafInput } from './log/tree-hashes.ts';
import { isHeadSigned, TreeHead } from './log/tree-head.ts';
import { isIncluded } from './log/verify-proofs.ts';
import { Receipt, receiptBytes, type SignatureVerdict } from './receipt.ts';
import { nodeStatementBytes, nodeStatementOf, relayStatementBytes } from './statements.ts';

/** A receipt with everything that a stranger needs to check it, who has nothing else. */
export const ReceiptProof = Type.Object(
  {
    receipt: Receipt,
    /** Its place in the log, from 0. */
    leaf: Type.Integer({ minimum: 0 }),
    /** Sibling hashes up to the root, hex (RFC 6962, section 2.1.1). */
    path: Type.Array(Type.String({ pattern: '^[0-9a-f]{64}$' })),
    head: TreeHead,
  },
  { additionalProperties: false },
);
export type ReceiptProof = Static<typeof ReceiptProof>;

/** One thing that was checked; `isSound` is null for what the file does not tell. */
export type Finding = {
  readonly check: 'shape' | 'relay signature' | 'node signature' | 'attestation' | 'tree head' | 'place in the log';
  readonly isSound: boolean | null;
  readonly detail: string;
};

/** Checks a proof, or a receipt alone, by itself. Never throws; what is not sound is said in the findings. */
export async function checkReceiptFile(content: unknown): Promise<Finding[]> {
  if (!isSayable(content)) {
    return [{ check: 'shape', isSound: false, detail: 'It holds text that no receipt can: half of a character.' }];
  }
  if (Value.Check(ReceiptProof, content)) {
    return [...(await checkReceipt(content.receipt)), ...(await checkPlace(content))];
  }
  if (Value.Check(Receipt, content)) {
    const detail = 'The file holds the receipt alone: save it with its proof to see that the relay has logged it.';
    return [...(await checkReceipt(content)), { check: 'place in the log', isSound: null, detail }];
  }
  return [{ check: 'shape', isSound: false, detail: 'This is no receipt of version 2, with or without its proof.' }];
}

/** The receipt of a file that has the shape of one, with or without its proof; whether it holds is another question. */
export function receiptIn(content: unknown): Receipt | undefined {
  if (Value.Check(ReceiptProof, content)) return content.receipt;
  return Value.Check(Receipt, content) ? content : undefined;
}

/** Whether there are bytes of it to sign. */
function isSayable(content: unknown): boolean {
  try {
    canonicalJson(content);
    return true;
  } catch {
    return false;
  }
}

async function checkReceipt(receipt: Receipt): Promise<Finding[]> {
  const { keys, signatures } = receipt;
  const byRelay = await isSigned(keys.relay, relayStatementBytes(receipt), signatures.relay);
  const relay: Finding = { check: 'relay signature', isSound: byRelay, detail: `relay ${keys.relay}` };
  const node = await checkNode(receipt);
  const { attestation } = receipt;
  if (attestation === undefined) return [relay, node];
  return [
    relay,
    node,
    { check: 'attestation', isSound: await isAttested(receipt), detail: `coordinator ${attestation.key}` },
  ];
}

async function checkNode(receipt: Receipt): Promise<Finding> {
  const check = 'node signature';
  const { node: signature, verdict } = receipt.signatures;
  if (signature === null) return { check, isSound: verdict === 'absent' ? null : false, detail: WHY_UNSIGNED[verdict] };
  const statement = nodeStatementOf(receipt);
  const isSound =
    statement !== undefined && (await isNodeSigned(statement.nodeKey, nodeStatementBytes(statement), signature));
  // The relay has said so itself, and nobody is to take the signature for one.
  if (!isSound && verdict === 'refused') return { check, isSound: null, detail: WHY_UNSIGNED.refused };
  return { check, isSound, detail: `node ${receipt.node}, key ${receipt.keys.node}` };
}

const WHY_UNSIGNED: Record<SignatureVerdict, string> = {
  absent: 'The relay alone vouches for it: the node sent no signature.',
  refused: 'The relay alone vouches for it: the signature that the node sent did not fit.',
  sound: 'The relay says that the node has signed, and there is no signature.',
};

async function checkPlace({ receipt, leaf, path, head }: ReceiptProof): Promise<Finding[]> {
  const isSigned = (await isHeadSigned(head)) && head.relayKey === receipt.keys.relay;
  const leafHash = await sha256(leafInput(receiptBytes(receipt)));
  const root = hexToBytes(head.root);
  const isThere = await isIncluded({ leafHash, leaf, size: head.size, root, proof: path.map(hexToBytes) });
  return [
    {
      check: 'tree head',
      isSound: isSigned,
      detail: `${counted(head.size, 'receipt')}, signed ${dateText(head.signedAt)}`,
    },
    { check: 'place in the log', isSound: isThere, detail: `receipt ${leaf + 1} of ${head.size}` },
  ];
}

async function isNodeSigned(key: string, statement: Uint8Array, text: string): Promise<boolean> {
  const batch = readNodeSignature(text);
  const steps = batch && pathInputs(batch);
  if (batch === undefined || steps === undefined) return false;
  if (batch.size === 1) return isSignedBy(key, statement, batch.signature);
  let root = await sha256(leafInput(statement));
  for (const step of steps) root = await sha256(step(root));
  return isSignedBy(key, batchBytes(root, batch.size), batch.signature);
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}

async function isSigned(key: string, bytes: Uint8Array, signature: string): Promise<boolean> {
  const decoded = base64UrlToBytes(signature);
  return decoded !== undefined && (await isSignedBy(key, bytes, decoded));
}
