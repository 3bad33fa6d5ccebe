import { base64UrlToBytes, bytesToBase64Url } from '../protocol/base64.ts';
import { canonicalBytes } from '../receipts/canonical-json.ts';

/**
 * Everything that relay and node agree on when a node is let in. Both sign exactly this, so that no part of one
 * conversation is worth anything in another: not with another relay, node, code, name or address, nor a second time.
 */
export type PairingTranscript = {
  protocol: number;
  /**
   * `pair` admits a node for a code, `enroll` asks for credentials of a node by its key alone, `records` for receipts and
   * credits of its own work.
   */
  purpose: 'pair' | 'enroll' | 'records';
  /** Origin under which the node reached the relay, such as `https://relay.example`. */
  relay: string;
  relayKey: string;
  nodeKey: string;
  nodeName: string;
  /** Fresh random text of the node, and the relay's challenge. */
  nodeNonce: string;
  challenge: string;
  /** Names the code; null without one. */
  codeId: string | null;
  /** The authority by which the node verified the relay's TLS: whoever stands in between has another. */
  authority?: string | undefined;
  /** The node's key for TLS, for which the relay makes out a certificate. */
  tlsKey?: string | undefined;
};

/** What the relay adds and signs with the transcript. */
export type PairingAnswer = {
  nodeId: string;
  state: 'active' | 'pending';
  /** Null while the node waits for approval. */
  jwt: string | null;
  expiresAt: number | null;
  busPath: string;
  /** A line to the bus that does not lead through the relay's process, where there is one. */
  busUrl?: string | undefined;
  certificate?: string | undefined;
  /** Of the relay's TLS. */
  authority?: string | undefined;
};

/** What the node signs. The first line keeps it apart from everything else that is ever signed with the same key. */
export function nodeStatement(transcript: PairingTranscript): Uint8Array {
  return labelled('sparewatt node statement 1', transcript);
}

/** What the relay signs: the same conversation, and what came of it. */
export function relayStatement(transcript: PairingTranscript, answer: PairingAnswer): Uint8Array {
  const { nodeId, state, jwt, expiresAt, busPath, busUrl, certificate, authority } = answer;
  const signed = { nodeId, state, jwt, expiresAt, busPath, busUrl, certificate, authority };
  const content = { transcript, answer: signed };
  return labelled('sparewatt relay statement 1', content);
}

/** Proves that one knows the code without showing it: HMAC-SHA-256 of a statement, base64url. */
export async function proveCode(secret: string, statement: Uint8Array): Promise<string> {
  const key = await hmacKey(secret);
  return bytesToBase64Url(new Uint8Array(await crypto.subtle.sign('HMAC', key, new Uint8Array(statement))));
}

/** Compares in constant time. */
export async function isCodeProof(secret: string, statement: Uint8Array, proof: string): Promise<boolean> {
  const bytes = base64UrlToBytes(proof);
  if (bytes === undefined) return false;
  return crypto.subtle.verify('HMAC', await hmacKey(secret), bytes, new Uint8Array(statement));
}

function hmacKey(secret: string): Promise<CryptoKey> {
  const bytes = new TextEncoder().encode(secret);
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']);
}

function labelled(label: string, content: unknown): Uint8Array {
  const head = new TextEncoder().encode(`${label}\n`);
  const body = canonicalBytes(content);
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}
