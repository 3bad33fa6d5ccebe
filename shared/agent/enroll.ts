import { Problem } from '../problems/problem.ts';
import { messageReader } from '../protocol/codec.ts';
import { EnrollResponse } from '../protocol/enrollment.ts';
import { isLoopbackName } from './bus-addresses.ts';
import { assertFromRelay, beginConversation, type NodeAtDoor, originOf } from './relay-conversation.ts';
import { postToRelay } from './relay-http.ts';
import { assertMayShowSecret, assertSameAuthority, type Door, openDoor } from './relay-tls.ts';

export type EnrollOptions = NodeAtDoor & {
  /** Shown to a relay that does not trust this machine by itself. */
  joinToken?: string | undefined;
};

/** What lets the node on the bus, and how it knows the relay there. */
export type NodeCredentials = EnrollResponse & {
  /** By which the relay's HTTPS is verified; PEM. Absent where the system vouches. */
  doorAuthority?: string;
};

const readResponse = messageReader(EnrollResponse, 'enrolment response');

/**
 * Asks the relay for credentials by the node's key alone, and checks that the relay is the one the node knows.
 *
 * Errors: `relay_unreachable` and `node_pending` (try again), `relay_identity_changed`, `relay_not_verified` or the
 * relay's own refusal (do not).
 */
export async function enroll(options: EnrollOptions): Promise<NodeCredentials> {
  const origin = originOf(options.relayUrl);
  const pinned = await options.pins.read(origin);
  const door = await openDoor(options, await options.pins.authority(origin));
  // Whoever answers on this machine could read its keys anyway.
  if (options.joinToken !== undefined && !isLoopback(origin)) assertMayShowSecret(door, options.relayUrl);
  const conversation = await beginConversation(options, 'enroll', null, pinned, door);
  const { transcript, proof } = conversation;
  const response = await postToRelay(
    { ...options, fetch: door.fetch },
    '/v1/nodes/enroll',
    { publicKey: options.signer.publicKey, name: options.name, proof },
    readResponse,
    options.joinToken === undefined ? {} : { authorization: `Bearer ${options.joinToken}` },
  ).catch((error: unknown) => {
    throw options.joinToken === undefined ? error : inWordsOfNode(error, options.relayUrl);
  });
  await assertFromRelay(conversation, { ...response, state: 'active' }, response.relaySignature);
  await assertSameAuthority(door, response.authority, origin);
  // A relay on this machine is trusted as its disk is, and may be set up anew any time; others are known from here on.
  if (pinned === undefined && !isLoopback(origin)) {
    await options.pins.write(origin, transcript.relayKey, door.authority?.fingerprint);
  }
  return withDoor(response, door);
}

/** A relay says of a token what helps whoever calls its API; here it is a setting of the node. */
function inWordsOfNode(error: unknown, relayUrl: string): unknown {
  if (!(error instanceof Problem) || (error.code !== 'invalid_api_key' && error.code !== 'insufficient_scope'))
    return error;
  const detail = `The join token is not the admin token of ${relayUrl}, which "sparewatt relay" prints there. Correct it (--join-token), or ask for a code ("sparewatt pair") and start the node with --pair CODE.`;
  return new Problem(error.code, detail, { cause: error });
}

export function withDoor(credentials: EnrollResponse, door: Door): NodeCredentials {
  return door.authority === undefined ? credentials : { ...credentials, doorAuthority: door.authority.certificate };
}

function isLoopback(origin: string): boolean {
  return isLoopbackName(new URL(origin).hostname);
}
