import {
  nodeStatement,
  type PairingAnswer,
  type PairingTranscript,
  relayStatement,
} from '../identity/pairing-transcript.ts';
import { isSignedBy, type Signer } from '../identity/signer.ts';
import { Problem } from '../problems/problem.ts';
import { base64UrlToBytes, bytesToBase64Url } from '../protocol/base64.ts';
import { messageReader } from '../protocol/codec.ts';
import { PROTOCOL_VERSION } from '../protocol/limits.ts';
import { ChallengeResponse, type NodeProof } from '../protocol/pairing.ts';
import { postToRelay, type RelayHttp } from './relay-http.ts';
import type { Door, NodeTls } from './relay-tls.ts';

export type NodeAtDoor = RelayHttp & {
  signer: Signer;
  name: string;
  /** Where the relays that this node knows are kept. */
  pins: RelayPins;
  /** Absent where the host has no say in TLS, as in a browser. */
  tls?: NodeTls | undefined;
};

/** The relays that a node knows, by origin; kept where the node keeps its own key. */
export type RelayPins = {
  read(origin: string): Promise<string | undefined>;
  /** SHA-256 of the authority of the relay's TLS, if it has one of its own. */
  authority(origin: string): Promise<string | undefined>;
  write(origin: string, relayKey: string, authority?: string): Promise<void>;
};

/** For a host that keeps nothing. */
export function pinsInMemory(): RelayPins {
  const pins = new Map<string, { relayKey: string; authority: string | undefined }>();
  return {
    read: async (origin) => pins.get(origin)?.relayKey,
    authority: async (origin) => pins.get(origin)?.authority,
    write: async (origin, relayKey, authority) => void pins.set(origin, { relayKey, authority }),
  };
}

/** Both sides' part in being let in, up to the node's signature. */
export type Conversation = { transcript: PairingTranscript; statement: Uint8Array; proof: NodeProof };

const NONCE_BYTES = 32;
const readChallenge = messageReader(ChallengeResponse, 'challenge');

/**
 * Asks for a challenge and signs it. Errors: `relay_identity_changed` when another relay than `expectedKey` answers,
 * those of `postToRelay`.
 */
export async function beginConversation(
  node: NodeAtDoor,
  purpose: PairingTranscript['purpose'],
  codeId: string | null,
  expectedKey: string | undefined,
  door: Door,
): Promise<Conversation> {
  const { signer, name } = node;
  const nonce = bytesToBase64Url(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
  const asked = { publicKey: signer.publicKey, name, nonce };
  const { relayPublicKey, challenge } = await postToRelay(
    { ...node, fetch: door.fetch },
    '/v1/pairing/challenge',
    asked,
    readChallenge,
  );
  if (expectedKey !== undefined && relayPublicKey !== expectedKey) throw relayChanged(node.relayUrl);
  const relay = originOf(node.relayUrl);
  const tls = {
    ...(door.authority === undefined ? {} : { authority: door.authority.fingerprint }),
    ...(node.tls === undefined || !relay.startsWith('https:') ? {} : { tlsKey: node.tls.publicKey }),
  };
  const transcript: PairingTranscript = {
    protocol: PROTOCOL_VERSION,
    purpose,
    relay,
    relayKey: relayPublicKey,
    nodeKey: signer.publicKey,
    nodeName: name,
    nodeNonce: nonce,
    challenge,
    codeId,
    ...tls,
  };
  const statement = nodeStatement(transcript);
  const signature = bytesToBase64Url(await signer.sign(statement));
  return { transcript, statement, proof: { relay, nonce, challenge, signature, ...tls } };
}

/** Passes an answer that the relay of the conversation signed; returns what it signed. Errors: `relay_identity_changed`. */
export async function assertFromRelay(
  { transcript }: Conversation,
  answer: PairingAnswer,
  signature: string | undefined,
): Promise<Uint8Array> {
  const statement = relayStatement(transcript, answer);
  const bytes = base64UrlToBytes(signature ?? '') ?? new Uint8Array();
  if (await isSignedBy(transcript.relayKey, statement, bytes)) return statement;
  throw relayChanged(transcript.relay);
}

export function originOf(relayUrl: string): string {
  return new URL(relayUrl).origin;
}

export function relayChanged(relayUrl: string): Problem {
  return new Problem(
    'relay_identity_changed',
    `Another relay answers at ${relayUrl} than this node was paired with, or somebody stands in between. If the relay was set up anew, ask its operator for a code and start the node with --pair CODE.`,
  );
}
