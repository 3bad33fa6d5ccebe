import { fingerprintOf } from '../identity/certificate-fingerprint.ts';
import { Problem } from '../problems/problem.ts';
import type { BusSocket } from './nats-connection.ts';
import { type NodeAtDoor, originOf, relayChanged } from './relay-conversation.ts';
import { whyUnreached } from './why-unreached.ts';

/** What a host lends a node for relays that are their own certificate authority; a browser tab has none of it. */
export type NodeTls = {
  /** ECDSA P-256, SPKI, base64url; the private half never leaves the host. */
  readonly publicKey: string;
  /** Looks who vouches for the server at an address, and sends it nothing. Rejects when it does not answer. */
  inspect(relayUrl: string, signal: AbortSignal): Promise<ServerTrust>;
  /** A fetch that believes this authority (PEM) and no other. */
  fetchTrusting(authority: string): typeof globalThis.fetch;
  /** Opens a WebSocket, with TLS or without, and with a certificate of the node's own; without an authority, those of the system count. */
  openSocket(url: string, line: { authority?: string | undefined; certificate?: string | undefined }): BusSocket;
};

/** `isTrusted`: the system vouches. `authority`: the end of the chain that the server sent, in PEM, if that is one. */
export type ServerTrust = { isTrusted: boolean; authority: string | undefined };

/** The relay's HTTPS as the node believes in it. */
export type Door = {
  fetch: typeof globalThis.fetch;
  /** PEM and its SHA-256; undefined where the system vouches, and without TLS. */
  authority?: { certificate: string; fingerprint: string };
  /** The authority was neither known nor named before: only the relay's signature will tell whether it is the relay's. */
  isBlind: boolean;
};

/**
 * Decides by whom the relay's TLS is verified: the authority that is expected, else the system's, else whichever the
 * relay shows. Errors: `relay_identity_changed` when another than the expected one vouches, `relay_unreachable`.
 */
export async function openDoor(node: NodeAtDoor, expected: string | undefined): Promise<Door> {
  const { tls, relayUrl, fetch } = node;
  if (tls === undefined || new URL(relayUrl).protocol !== 'https:') return { fetch, isBlind: false };
  const trust = await inspect(tls, node);
  if (trust.isTrusted && expected === undefined) return { fetch, isBlind: false };
  if (trust.authority === undefined) throw unknownAuthority(relayUrl);
  const fingerprint = await fingerprintOf(trust.authority);
  if (expected !== undefined && fingerprint !== expected) throw relayChanged(originOf(relayUrl));
  return {
    fetch: tls.fetchTrusting(trust.authority),
    authority: { certificate: trust.authority, fingerprint },
    isBlind: expected === undefined,
  };
}

/** Passes what the relay signed about its own authority when it is the one that the door was verified by. */
export async function assertSameAuthority(door: Door, signed: string | undefined, relayUrl: string): Promise<void> {
  if (door.authority === undefined) return;
  if (signed === undefined || (await fingerprintOf(signed)) !== door.authority.fingerprint)
    throw relayChanged(relayUrl);
}

/** Errors: `relay_not_verified` when something secret would be shown at a door that anybody could have opened. */
export function assertMayShowSecret(door: Door, relayUrl: string): void {
  if (door.isBlind) throw unknownAuthority(relayUrl);
}

async function inspect(tls: NodeTls, { relayUrl, signal }: NodeAtDoor): Promise<ServerTrust> {
  try {
    return await tls.inspect(relayUrl, signal);
  } catch (cause) {
    signal.throwIfAborted();
    throw new Problem('relay_unreachable', whyUnreached(relayUrl, cause), { cause });
  }
}

function unknownAuthority(relayUrl: string): Problem {
  return new Problem(
    'relay_not_verified',
    `This machine does not know who vouches for ${relayUrl}. Start the node with --pair and a link of the relay's operator, or let the system trust the relay's authority (NODE_EXTRA_CA_CERTS).`,
  );
}
