import { messageReader } from '../protocol/codec.ts';
import { EnrollResponse } from '../protocol/enrollment.ts';
import { assertFromRelay, beginConversation, type NodeAtDoor, originOf } from './relay-conversation.ts';
import { postToRelay } from './relay-http.ts';

export type EnrollOptions = NodeAtDoor & {
  /** Shown to a relay that does not trust this machine by itself. */
  joinToken?: string | undefined;
};

const readResponse = messageReader(EnrollResponse, 'enrolment response');

/**
 * Asks the relay for credentials by the node's key alone, and checks that the relay is the one the node knows.
 *
 * Errors: `relay_unreachable` and `node_pending` (try again), `relay_identity_changed` or the relay's own refusal (do
 * not).
 */
export async function enroll(options: EnrollOptions): Promise<EnrollResponse> {
  const origin = originOf(options.relayUrl);
  const pinned = await options.pins.read(origin);
  const conversation = await beginConversation(options, 'enroll', null, pinned);
  const { transcript, proof } = conversation;
  const response = await postToRelay(
    options,
    '/v1/nodes/enroll',
    { publicKey: options.signer.publicKey, name: options.name, proof },
    readResponse,
    options.joinToken === undefined ? {} : { authorization: `Bearer ${options.joinToken}` },
  );
  await assertFromRelay(conversation, { ...response, state: 'active' }, response.relaySignature);
  // A relay on this machine is trusted as its disk is, and may be set up anew any time; others are known from here on.
  if (pinned === undefined && !isLoopback(origin)) await options.pins.write(origin, transcript.relayKey);
  return response;
}

function isLoopback(origin: string): boolean {
  const { hostname } = new URL(origin);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}
