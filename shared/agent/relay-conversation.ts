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

export type NodeAtDoor = RelayHttp & {
  signer: Signer;
  name: string;
  /** Where the relays that this node knows are kept. */
  pins: RelayPins;
};

/** The keys of the relays that a node knows, by origin; kept where the node keeps its own key. */
export type RelayPins = {
  read(origin: string): Promise<string | undefined>;
  write(origin: string, relayKey: string): Promise<void>;
};

/** For a host that keeps nothing. */
export function pinsInMemory(): RelayPins {
  const keys = new Map<string, string>();
  return {
    read: async (origin) => keys.get(origin),
    write: async (origin, relayKey) => void keys.set(origin, relayKey),
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
): Promise<Conversation> {
  const { signer, name } = node;
  const nonce = bytesToBase64Url(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
  const asked = { publicKey: signer.publicKey, name, nonce };
  const { relayPublicKey, challenge } = await postToRelay(node, '/v1/pairing/challenge', asked, readChallenge);
  if (expectedKey !== undefined && relayPublicKey !== expectedKey) throw relayChanged(node.relayUrl);
  const relay = originOf(node.relayUrl);
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
  };
  const statement = nodeStatement(transcript);
  const signature = bytesToBase64Url(await signer.sign(statement));
  return { transcript, statement, proof: { relay, nonce, challenge, signature } };
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
