import { Problem } from '../../../shared/problems/problem.ts';
import { canonicalJson } from '../../../shared/receipts/canonical-json.ts';
import type { Sha256 } from '../../../shared/receipts/log/tree-hashes.ts';
import type { TreeNode } from '../../../shared/receipts/log/tree-ranges.ts';
import type { LoggedReceipt, Receipt } from '../../../shared/receipts/receipt.ts';
import { leafHash } from '../../receipts/log/merkle-tree.ts';
import type { ReceiptSealer } from '../../receipts/seal-receipt.ts';

/** `hash` is that of the leaf; null for a receipt from before there was a log. */
export type StoredReceipt = { id: string; body: string; hash: Sha256 | null };

/** JSON writes half a surrogate pair as an escape, RFC 8785 not at all. May also match what is sound. */
const LONE_SURROGATE = /\\ud[89a-f]/;

/** What of a receipt is logged and stored. Throws a `TypeError` for what has no canonical form. */
export function canonicalText(body: string): string {
  return LONE_SURROGATE.test(body) ? canonicalJson(JSON.parse(body)) : body;
}

/** Signs what was logged, as it is read. Errors: `receipt_log_damaged`. */
export function sealStored(stored: StoredReceipt, seal: ReceiptSealer['seal']): Receipt {
  const receipt = JSON.parse(stored.body) as LoggedReceipt;
  if (isOfVersion1(receipt)) return receipt as Receipt;
  assertLogged(stored);
  return seal(receipt);
}

/** Version 1 had neither signatures nor a log. */
function isOfVersion1(receipt: unknown): boolean {
  return typeof receipt === 'object' && receipt !== null && 'v' in receipt && receipt.v === 1;
}

/** So that an audit of a database that was taken apart still ends. */
export const MOST_STRAYS = 100;

/** The ids of receipts that are at no place of the log and should be: whoever put them there may have written anything. */
export function idsOfStrays(unplaced: readonly { id: string; body: string }[]): string[] {
  return unplaced
    .filter(({ body }) => !isOfVersion1(parsed(body)))
    .map(({ id }) => id)
    .slice(0, MOST_STRAYS);
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** The relay puts its name to nothing that it has not logged. */
function assertLogged({ id, body, hash }: StoredReceipt): void {
  if (hash !== null && Buffer.from(hash).equals(leafHash(body))) return;
  throw new Problem('receipt_log_damaged', `Receipt ${id} is not what was logged. Run sparewatt receipts audit.`);
}

export function missingNode({ level, index }: TreeNode): Problem {
  return new Problem(
    'receipt_log_damaged',
    `The receipt log lacks a part of its tree (level ${level}, place ${index}). Run sparewatt receipts audit.`,
  );
}

/** For a store that was opened without the key that signs receipts. */
export const unsignedSealer: ReceiptSealer = { judge: refuseToSign, seal: refuseToSign };

function refuseToSign(): never {
  throw new Error('the store was opened without the key that signs receipts');
}
