import { bytesToHex } from '../../../shared/protocol/hex.ts';
import { validatorOf } from '../../../shared/protocol/validator.ts';
import { canonicalJson } from '../../../shared/receipts/canonical-json.ts';
import type { Sha256 } from '../../../shared/receipts/log/tree-hashes.ts';
import { isHeadSigned, type TreeHead } from '../../../shared/receipts/log/tree-head.ts';
import type { TreeNode } from '../../../shared/receipts/log/tree-ranges.ts';
import { LoggedReceipt } from '../../../shared/receipts/receipt.ts';
import type { ReceiptLogStore, StoredLeaf } from '../../store/receipt-log-store.ts';
import type { Pace } from './audit-pace.ts';
import { type HashedNode, isStoredLevel, leafHash, nodesOfNextLeaf, rootOf } from './merkle-tree.ts';

export type AuditOptions = {
  store: ReceiptLogStore;
  relayKey: string;
  /** The last head that was signed; the log must begin with it. */
  head: TreeHead | undefined;
  /** Without one nothing else is let in between: for a process that does nothing else. */
  pace?: Pace;
};

export type AuditReport = {
  readonly size: number;
  /** Hex. */
  readonly root: string;
  /** The head that the log was held to; null when there was none. */
  readonly head: TreeHead | null;
  /** Sentences; none when everything holds. It ends after the first 20. */
  readonly problems: string[];
};

/** The thread of the database reads as many in a millisecond. */
const PAGE = 250;
/** Rows that are looked through for strays at a time, which the database does in some milliseconds. */
const STRAY_ROWS = 5_000;
const loggedReceipt = validatorOf(LoggedReceipt);
const noPause: Pace = () => undefined;
const MOST_PROBLEMS = 20;
const MOST_LEVELS = 41;

/**
 * Goes over every receipt and builds the tree anew. It finds what was changed, dropped, inserted or moved, in the
 * receipts and in the stored tree; a relay key in the wrong hands it does not find, which is what heads kept by
 * clients are for. The log may grow meanwhile: what comes is gone over, too.
 */
export async function auditLog({ store, relayKey, head, pace = noPause }: AuditOptions): Promise<AuditReport> {
  const problems: string[] = [];
  /** The last subtree of each level: all that the next leaf and the root need. */
  const edge = new Map<number, HashedNode>();
  const read = ({ level }: { level: number }): Sha256 => edge.get(level)?.hash ?? new Uint8Array(32);
  let size = 0;
  if (head !== undefined && (head.relayKey !== relayKey || !(await isHeadSigned(head)))) {
    problems.push('The last tree head was not signed by this relay.');
  }
  const readPage = async (): Promise<number> => {
    const page = await store.listLeaves({ from: size, limit: PAGE });
    const built: HashedNode[] = [];
    for (const stored of page) {
      await pace();
      if (stored.leaf !== size) problems.push(`Receipt ${size} of the log is missing; the next one is ${stored.leaf}.`);
      problems.push(...problemsOf(stored, relayKey));
      const added = nodesOfNextLeaf(size, leafHash(stored.body), read);
      for (const node of added) edge.set(node.level, node);
      built.push(...added);
      size += 1;
      if (head?.size === size && bytesToHex(rootOf(size, read)) !== head.root) {
        problems.push(`The first ${size} receipts are not those of the last signed tree head.`);
      }
      if (stored.leaf !== size - 1 || problems.length >= MOST_PROBLEMS) break;
    }
    problems.push(...(await treeProblems(store, built)));
    return page.length;
  };
  const goOn = async (): Promise<void> => {
    while ((await readPage()) === PAGE && problems.length === 0);
  };
  await goOn();
  if (problems.length === 0) {
    const beyond = await placesBeyond(store, size);
    problems.push(...(await endProblems(store, { size, head, pace })));
    await goOn();
    const tooMany = beyond.filter(({ level, index }) => index >= Math.floor(size / 2 ** level));
    problems.push(
      ...tooMany.map(({ level, index }) => `The stored tree has a place ${index} too many at level ${level}.`),
    );
  }
  const root = bytesToHex(rootOf(size, read));
  return { size, root, head: head ?? null, problems: problems.slice(0, MOST_PROBLEMS) };
}

/** Its content is held to the tree; what is left is whether it is one of this relay's receipts at all. */
function problemsOf({ leaf, receiptId, body }: StoredLeaf, relayKey: string): string[] {
  const name = `Receipt ${leaf} (${receiptId})`;
  const receipt = parse(body);
  if (receipt === undefined || canonicalJson(receipt) !== body) return [`${name} is no receipt.`];
  if (receipt.id !== receiptId) return [`${name} is that of ${receipt.id}.`];
  if (receipt.keys.relay !== relayKey) return [`${name} is of another relay, ${receipt.keys.relay}.`];
  return [];
}

function parse(body: string): LoggedReceipt | undefined {
  try {
    const receipt: unknown = JSON.parse(body);
    return loggedReceipt.Check(receipt) ? receipt : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the stored subtrees are those that the receipts make. */
async function treeProblems(store: ReceiptLogStore, built: readonly HashedNode[]): Promise<string[]> {
  const problems: string[] = [];
  const kept = built.filter(({ level }) => isStoredLevel(level));
  for (const [level, nodes] of Map.groupBy(kept, (node) => node.level)) {
    const stored = await store.listTreeNodes({ level, from: nodes[0]?.index ?? 0, limit: nodes.length });
    const byIndex = new Map(stored.map((node) => [node.index, bytesToHex(node.hash)]));
    for (const { index, hash } of nodes) {
      if (byIndex.get(index) === bytesToHex(hash)) continue;
      const what =
        level === 0 ? `Receipt ${index} is not what was logged` : 'The stored tree differs from the receipts';
      problems.push(`${what} (level ${level}, place ${index}).`);
    }
  }
  return problems;
}

/** The first stored subtree of each level that receipts beyond these would make. */
async function placesBeyond(store: ReceiptLogStore, size: number): Promise<TreeNode[]> {
  const places: TreeNode[] = [];
  for (let level = 0; level < MOST_LEVELS; level += 1) {
    places.push(...(await store.listTreeNodes({ level, from: Math.floor(size / 2 ** level), limit: 1 })));
  }
  return places;
}

async function endProblems(
  store: ReceiptLogStore,
  { size, head, pace }: { size: number; head: TreeHead | undefined; pace: Pace },
): Promise<string[]> {
  const problems: string[] = [];
  if (head !== undefined && head.size > size) {
    problems.push(`The log has ${size} receipts; the last signed tree head has ${head.size}.`);
  }
  let after = 0;
  while (problems.length < MOST_PROBLEMS) {
    const { receipts, jobs, isLast } = await store.strays({ after, rows: STRAY_ROWS });
    problems.push(...receipts.map((id) => `Receipt ${id} is not in the log.`));
    problems.push(...jobs.map((id) => `Job ${id} succeeded and has no receipt.`));
    if (isLast) break;
    after += STRAY_ROWS;
    await pace();
  }
  return problems;
}
