import { Problem, toProblem } from '../../../shared/problems/problem.ts';
import { bytesToBase64Url } from '../../../shared/protocol/base64.ts';
import { bytesToHex } from '../../../shared/protocol/hex.ts';
import { isHeadSigned, type TreeHead, treeHeadBytes } from '../../../shared/receipts/log/tree-head.ts';
import type { LoggedReceipt } from '../../../shared/receipts/receipt.ts';
import type { ReceiptProof } from '../../../shared/receipts/receipt-proof.ts';
import type { RelayLog } from '../../log.ts';
import type { Store } from '../../store/store.ts';
import type { ReceiptSigner } from '../seal-receipt.ts';
import { readHeadFile, writeHeadFile } from './head-file.ts';

export type LogKeeper = {
  /**
   * Signs the head over the first `size` receipts, or over all. Errors: `receipt_log_damaged`, and `invalid_value` for
   * the parameter that named more than there are.
   */
  head(size?: number, param?: string): Promise<TreeHead>;
  /** Errors: `receipt_not_found`, `receipt_log_damaged`, `invalid_value` for a head that does not cover it yet. */
  prove(receiptId: string, size?: number): Promise<ReceiptProof>;
  /** Hex hashes. Errors: `receipt_log_damaged`. */
  consistency(from: number, to: number): Promise<string[]>;
  /** The head in the file, which the audit holds the database to. */
  lastHead(): TreeHead | undefined;
  close(): Promise<void>;
};

export type LogKeeperOptions = {
  store: Pick<Store, 'receiptLog' | 'jobs'>;
  relay: ReceiptSigner;
  file: string;
  now: () => number;
  log: RelayLog;
};

/** What was appended since the last head may be cut off unseen by whoever has the database alone: so not for long. */
const SIGN_EVERY_MS = 1_000;

/**
 * Signs tree heads: one a second while receipts come, and one for each who asks.
 *
 * Invariants: (1) no head is signed unless the log still begins with the last head in the file; (2) the head in the
 * file only ever grows, and is written by one at a time; (3) a state of the log is held to the head that was the last
 * before it was read: a later one knows of receipts that the state does not.
 */
export async function openLogKeeper(options: LogKeeperOptions): Promise<LogKeeper> {
  const { store, relay, file, now, log } = options;
  let last = readHeadFile(file);
  if (last && (last.relayKey !== relay.publicKey || !(await isHeadSigned(last)))) {
    throw new Problem('receipt_log_damaged', `${file} was not signed by this relay. Restore it from a backup.`);
  }
  if (last === undefined) await assertOwnLog(store, relay.publicKey);

  const assertGrown = async (size: number, known: TreeHead | undefined): Promise<void> => {
    if (known === undefined) return;
    if (size < known.size) throw damaged(`it has ${size} receipts and had ${known.size}`);
    const root = bytesToHex(await store.receiptLog.rootAt(known.size));
    if (root !== known.root) throw damaged(`its first ${known.size} receipts are not what they were`);
  };
  const sign = async (wanted?: number, param = 'size'): Promise<TreeHead> => {
    const known = last;
    const state = await store.receiptLog.treeState();
    await assertGrown(state.size, known);
    const size = wanted ?? state.size;
    if (size > state.size) {
      throw new Problem('invalid_value', `The log has ${state.size} receipts, not ${size}.`, { param });
    }
    const root = bytesToHex(size === state.size ? state.root : await store.receiptLog.rootAt(size));
    const unsigned = { v: 1 as const, size, root, signedAt: now(), relayKey: relay.publicKey };
    return { ...unsigned, signature: bytesToBase64Url(relay.sign(treeHeadBytes(unsigned))) };
  };
  const keep = async (): Promise<void> => {
    const { size } = await store.receiptLog.treeState();
    if (size === (last?.size ?? 0)) return;
    const head = await sign();
    await writeHeadFile(file, head);
    last = head;
  };
  /** Why the last try failed. */
  let told: string | undefined;
  const tell = (error: unknown): void => {
    const { code } = toProblem(error);
    if (code !== told) log.error({ err: error, code }, 'the receipt log could not be signed');
    told = code;
  };
  let keeping: Promise<void> | undefined;
  const tryToKeep = (): Promise<void> =>
    (keeping ??= keep()
      .then(() => {
        told = undefined;
      }, tell)
      .finally(() => {
        keeping = undefined;
      }));
  await tryToKeep();
  const timer = setInterval(() => void tryToKeep(), SIGN_EVERY_MS);
  timer.unref();

  return {
    head: sign,
    prove: async (receiptId, size) => {
      const receipt = await store.jobs.findReceipt(receiptId);
      const leaf = await store.receiptLog.leafOfReceipt(receiptId);
      if (receipt === undefined || leaf === undefined) {
        throw new Problem('receipt_not_found', `There is no receipt "${receiptId}" in the log.`, { param: 'id' });
      }
      const head = await sign(size);
      if (leaf >= head.size) {
        throw new Problem('invalid_value', `A tree of ${head.size} does not hold it: it is number ${leaf + 1}.`, {
          param: 'size',
        });
      }
      const path = await store.receiptLog.inclusionPath(leaf, head.size);
      return { receipt, leaf, path: path.map(bytesToHex), head };
    },
    consistency: async (from, to) => (await store.receiptLog.consistencyPath(from, to)).map(bytesToHex),
    lastHead: () => last,
    close: async () => {
      clearInterval(timer);
      // One that is under way may have read the log before its last receipt.
      await keeping;
      await tryToKeep();
    },
  };
}

/** A database without its data folder: what this relay would sign of it as its own is another's. */
async function assertOwnLog({ receiptLog }: LogKeeperOptions['store'], relayKey: string): Promise<void> {
  const [first] = await receiptLog.listLeaves({ from: 0, limit: 1 });
  const key = first && (JSON.parse(first.body) as LoggedReceipt).keys.relay;
  if (key === undefined || key === relayKey) return;
  const detail = `The receipts in the database were logged by another relay (${key}). Give the data folder of that one, or another database.`;
  throw new Problem('receipt_log_damaged', detail);
}

function damaged(how: string): Problem {
  return new Problem(
    'receipt_log_damaged',
    `The receipt log was changed: ${how}. Run sparewatt receipts audit, and restore the data folder from a backup.`,
  );
}
