import { nodeIdOf } from '../identity/node-id.ts';
import { isSignedBy } from '../identity/signer.ts';
import { base64UrlToBytes } from '../protocol/base64.ts';
import { messageReader } from '../protocol/codec.ts';
import { type NodeRecords, type RecordsQuestion, RecordsResponse, recordsStatement } from '../protocol/node-records.ts';
import type { Receipt } from '../receipts/receipt.ts';
import { checkReceiptFile } from '../receipts/receipt-proof.ts';
import type { AgentLog } from './log.ts';
import { beginConversation, type NodeAtDoor, originOf, relayChanged } from './relay-conversation.ts';
import { postToRelay } from './relay-http.ts';
import { openDoor } from './relay-tls.ts';

/** The records, by whom they are signed. */
export type FetchedRecords = NodeRecords & { readonly relayKey: string };

const readResponse = messageReader(RecordsResponse, 'records');

/**
 * Asks the relay for the countersigned receipts of the node's own jobs, and what it was credited. Receipts that are not
 * what the node did and signed, or that the relay did not sign, are left out and logged.
 *
 * Errors: those of `beginConversation`; `relay_identity_changed` for an answer that the relay has not signed.
 */
export async function fetchRecords(
  node: NodeAtDoor & { log: AgentLog },
  ask: RecordsQuestion,
): Promise<FetchedRecords> {
  const origin = originOf(node.relayUrl);
  const pinned = await node.pins.read(origin);
  const door = await openDoor(node, await node.pins.authority(origin));
  const { transcript, proof } = await beginConversation(node, 'records', null, pinned, door);
  const { records, relaySignature } = await postToRelay(
    { ...node, fetch: door.fetch },
    '/v1/nodes/records',
    { publicKey: node.signer.publicKey, name: node.name, proof, ask },
    readResponse,
  );
  const statement = recordsStatement(transcript.challenge, records);
  const signature = base64UrlToBytes(relaySignature) ?? new Uint8Array();
  if (!(await isSignedBy(transcript.relayKey, statement, signature))) throw relayChanged(origin);
  const asked = new Set(ask.jobs);
  const own = { node: nodeIdOf(node.name, node.signer.publicKey), key: node.signer.publicKey };
  const receipts: Receipt[] = [];
  for (const receipt of records.receipts) {
    const isOwn = asked.has(receipt.job) && receipt.node === own.node && receipt.keys.relay === transcript.relayKey;
    if (isOwn && (receipt.keys.node ?? own.key) === own.key && (await isSound(receipt))) receipts.push(receipt);
    else node.log.warn({ receipt: receipt.id }, 'a receipt of the relay does not fit and was not kept');
  }
  const uncounted = (records.uncounted ?? []).filter(({ job }) => asked.has(job));
  return { ...records, receipts, uncounted, relayKey: transcript.relayKey };
}

async function isSound(receipt: Receipt): Promise<boolean> {
  return (await checkReceiptFile(receipt)).every((finding) => finding.isSound !== false);
}
