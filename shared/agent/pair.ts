import { codeSecretsOf } from '../identity/pairing-code.ts';
import type { PairingInvitation } from '../identity/pairing-link.ts';
import { isCodeProof, proveCode } from '../identity/pairing-transcript.ts';
import { messageReader } from '../protocol/codec.ts';
import { PairingResponse } from '../protocol/pairing.ts';
import { type NodeCredentials, withDoor } from './enroll.ts';
import { assertFromRelay, beginConversation, type NodeAtDoor, originOf, relayChanged } from './relay-conversation.ts';
import { postToRelay } from './relay-http.ts';
import { assertSameAuthority, openDoor } from './relay-tls.ts';

/** Admitted with credentials, or told to wait for the operator's approval. */
export type PairOutcome = { state: 'active'; credentials: NodeCredentials } | { state: 'pending'; nodeId: string };

const readResponse = messageReader(PairingResponse, 'pairing response');

/**
 * Pairs the node with a relay by a one-time code. The code never leaves this machine: each side proves to the other that
 * it knows it, so that neither a stranger's node nor a stranger's relay gets through. The relay's key is then pinned.
 *
 * Errors: `relay_unreachable` and `too_many_attempts` (try again), `relay_identity_changed`, or the relay's own refusal.
 */
export async function pair(node: NodeAtDoor, invitation: PairingInvitation): Promise<PairOutcome> {
  const { id, secret } = await codeSecretsOf(invitation.code);
  const door = await openDoor(node, invitation.authority);
  const conversation = await beginConversation(node, 'pair', id, invitation.relayKey, door);
  const response = await postToRelay(
    { ...node, fetch: door.fetch },
    '/v1/pairing/complete',
    {
      publicKey: node.signer.publicKey,
      name: node.name,
      proof: conversation.proof,
      code: { id, proof: await proveCode(secret, conversation.statement) },
    },
    readResponse,
  );
  const signed = await assertFromRelay(conversation, response, response.relaySignature);
  if (!(await isCodeProof(secret, signed, response.codeProof))) throw relayChanged(node.relayUrl);
  await assertSameAuthority(door, response.authority, node.relayUrl);
  await node.pins.write(originOf(node.relayUrl), conversation.transcript.relayKey, door.authority?.fingerprint);
  const { nodeId, jwt, expiresAt, ...granted } = response;
  if (jwt === null || expiresAt === null) return { state: 'pending', nodeId };
  return { state: 'active', credentials: withDoor({ ...granted, nodeId, jwt, expiresAt }, door) };
}
