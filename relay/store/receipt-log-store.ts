import type { Sha256 } from '../../shared/receipts/log/tree-hashes.ts';
import type { TreeNode } from '../../shared/receipts/log/tree-ranges.ts';

/** How many receipts the log holds, and the root over them. */
export type TreeState = { readonly size: number; readonly root: Sha256 };

/** A leaf as it lies in the store: the text that it was hashed from, and the receipt that the text should be of. */
export type StoredLeaf = { readonly leaf: number; readonly receiptId: string; readonly body: string };

export type Strays = { receipts: string[]; jobs: string[]; isLast: boolean };

export interface ReceiptLogStore {
  treeState(): Promise<TreeState>;
  /** The root over the first `size` receipts. Errors: `receipt_log_damaged`; a fault when there are fewer. */
  rootAt(size: number): Promise<Sha256>;
  leafOfReceipt(receiptId: string): Promise<number | undefined>;
  /** Errors: `receipt_log_damaged`; a `RangeError` for a leaf that is not in the tree. */
  inclusionPath(leaf: number, size: number): Promise<Sha256[]>;
  /** Errors: `receipt_log_damaged`; a `RangeError` when the older tree is the larger one. */
  consistencyPath(older: number, newer: number): Promise<Sha256[]>;
  /** Leaves from one on, in their order. What is missing is left out: finding that is the audit's work. */
  listLeaves(page: { from: number; limit: number }): Promise<StoredLeaf[]>;
  /** Stored subtrees of one level from a place on, in their order; level 0 are the leaves. */
  listTreeNodes(page: { level: number; from: number; limit: number }): Promise<(TreeNode & { hash: Sha256 })[]>;
  /**
   * Signed receipts that lie in no leaf, and jobs that succeeded after the log began and have no receipt: among those of the
   * next `rows` places of their tables, behind `after`. `isLast` when there are none behind.
   */
  strays(page: { after: number; rows: number }): Promise<Strays>;
}
