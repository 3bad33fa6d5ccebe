import type { Settlement, SettlementLine } from '../../shared/credits/settlement.ts';
import { isSettlementSigned, lineBytes, settlementBytes } from '../../shared/credits/signed-settlement.ts';
import { bytesToHex } from '../../shared/protocol/hex.ts';
import { type HashedNode, leafHash, nodesOfNextLeaf, type ReadNode, rootOf } from '../receipts/log/merkle-tree.ts';
import type { ReceiptSigner } from '../receipts/seal-receipt.ts';

/** Signs for what is paid. */
export function closeSettlement(
  { id, closedAt, entries, lines }: Pick<Settlement, 'id' | 'closedAt' | 'entries' | 'lines'>,
  relay: ReceiptSigner,
): Settlement {
  const totalMicro = totalOf(lines);
  const body = {
    v: 1,
    id,
    closedAt,
    entries,
    totalMicro,
    root: rootOfLines(lines),
    relayKey: relay.publicKey,
  } as const;
  const signature = Buffer.from(relay.sign(settlementBytes(body))).toString('base64url');
  return { ...body, lines, signature };
}

/** What is wrong with a settlement that somebody shows; undefined when the relay it names has signed exactly this. */
export async function faultOfSettlement(settlement: Settlement): Promise<string | undefined> {
  const { lines, root, totalMicro } = settlement;
  if (rootOfLines(lines) !== root) return 'its lines are not those of its root';
  if (totalOf(lines) !== totalMicro) return 'its lines do not add up to its total';
  if (!(await isSettlementSigned(settlement))) return 'its signature is not that of the relay it names';
  return undefined;
}

/** The operator, who alone closes settlements. */
const OPERATOR = 'admin';

/** The CloudEvent of a settlement, and whose it is. */
export function settlementEvent(settlement: Settlement): { apiKeyId: string; id: string; body: string } {
  const id = `${settlement.id}.closed`;
  const body = JSON.stringify({
    specversion: '1.0',
    id,
    source: `/v1/admin/settlements/${settlement.id}`,
    type: 'sparewatt.settlement.closed',
    time: new Date(settlement.closedAt).toISOString(),
    datacontenttype: 'application/json',
    data: settlement,
  });
  return { apiKeyId: OPERATOR, id, body };
}

function totalOf(lines: readonly SettlementLine[]): number {
  return lines.reduce((sum, { amountMicro }) => sum + amountMicro, 0);
}

function rootOfLines(lines: readonly SettlementLine[]): string {
  const nodes = new Map<string, HashedNode>();
  const read: ReadNode = ({ level, index }) => {
    const node = nodes.get(`${level} ${index}`);
    if (node === undefined) throw new RangeError(`the tree has no node ${index} of level ${level}`);
    return node.hash;
  };
  for (const [place, line] of lines.entries()) {
    for (const node of nodesOfNextLeaf(place, leafHash(lineBytes(line)), read)) {
      nodes.set(`${node.level} ${node.index}`, node);
    }
  }
  return bytesToHex(rootOf(lines.length, read));
}
