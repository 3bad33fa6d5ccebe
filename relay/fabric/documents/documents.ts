import { createPublicKey, hash, verify } from 'node:crypto';
import { promisify } from 'node:util';
import { Type } from 'typebox';
import { publicKeyBytes } from '../../../shared/identity/key-text.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { base64UrlToBytes } from '../../../shared/protocol/base64.ts';
import { CapabilityDocument, documentBytes, NodeLoad } from '../../../shared/protocol/capabilities.ts';
import { messageReader } from '../../../shared/protocol/codec.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { validatorOf } from '../../../shared/protocol/validator.ts';

/**
 * Why a document was dropped. `stranger`: it came from a node that has no session here; `surplus`: its node had said enough
 * in one round.
 */
const DOCUMENT_DROPS = ['malformed', 'unsigned', 'expired', 'foreign', 'older', 'stranger', 'surplus'] as const;
export type DocumentDrop = (typeof DOCUMENT_DROPS)[number];
export type DocumentCounts = { accepted: number; dropped: Record<DocumentDrop, number> };

/**
 * Whose document is expected, and the one the relay has of this session: a node of the table, or what is known of one
 * that has no session yet. Its document is looked at again after every wait.
 */
export type Expected = {
  readonly id: string;
  readonly publicKey: string;
  readonly document?: CapabilityDocument | undefined;
};

/** Decides which capability documents count, and remembers when each was last known to be true. */
export type Documents = {
  /**
   * Resolves when the signature has been checked, on another thread. Rejects with `protocol_violation`, and counts what
   * was wrong.
   */
  read(expected: Expected, data: Uint8Array): Promise<CapabilityDocument>;
  /** The accepted document that this is, but for its load: what is known needs no second check. */
  recognise(data: Uint8Array): CapabilityDocument | undefined;
  /** The node has just said that this document is still true. */
  confirm(document: CapabilityDocument): void;
  /** Milliseconds since the node last said so; infinite for a document that was never accepted or has run out. */
  ageMs(document: CapabilityDocument): number;
  /** Whether it is time to fetch a new one, although nothing in it has moved. */
  isDue(document: CapabilityDocument): boolean;
  /** Its node is gone. */
  forget(document: CapabilityDocument): void;
  drop(reason: DocumentDrop): void;
  counts(): DocumentCounts;
};

const verifyAsync = promisify(verify);
const readDocument = messageReader(CapabilityDocument, 'capability document');
/** What stands before the 32 bytes of an Ed25519 public key in an SPKI document (RFC 8410). */
const SPKI_HEADER = Buffer.from('302a300506032b6570032100', 'hex');

type Held = { digest: string; acceptedAt: number; confirmedAt: number };

/** Nothing that could not be checked is ever given out; `now` in milliseconds since 1970. */
export function createDocuments(now: () => number = Date.now): Documents {
  const held = new Map<CapabilityDocument, Held>();
  const byDigest = new Map<string, CapabilityDocument>();
  const counts: DocumentCounts = {
    accepted: 0,
    dropped: Object.fromEntries(DOCUMENT_DROPS.map((reason) => [reason, 0])) as DocumentCounts['dropped'],
  };

  const forget = (document: CapabilityDocument): void => {
    const entry = held.get(document);
    if (entry === undefined) return;
    held.delete(document);
    if (byDigest.get(entry.digest) === document) byDigest.delete(entry.digest);
  };
  const refuse = (reason: DocumentDrop, sentence: string): never => {
    counts.dropped[reason] += 1;
    throw new Problem('protocol_violation', sentence);
  };

  return {
    read: async (expected, data) => {
      const document = parse(data, refuse);
      await check(document, expected, now(), refuse);
      counts.accepted += 1;
      if (expected.document !== undefined) forget(expected.document);
      const digest = digestOf(data);
      held.set(document, { digest, acceptedAt: now(), confirmedAt: now() });
      byDigest.set(digest, document);
      return document;
    },
    recognise: (data) => byDigest.get(digestOf(data)),
    confirm: (document) => {
      const entry = held.get(document);
      if (entry !== undefined) entry.confirmedAt = now();
    },
    ageMs: (document) => {
      const entry = held.get(document);
      if (entry === undefined || isExpired(document, now())) return Number.POSITIVE_INFINITY;
      return now() - entry.confirmedAt;
    },
    isDue: (document) => {
      const entry = held.get(document);
      return entry === undefined || now() - entry.acceptedAt > LIMITS.documentLifetimeMs / 2;
    },
    forget,
    drop: (reason) => {
      counts.dropped[reason] += 1;
    },
    counts: () => ({ accepted: counts.accepted, dropped: { ...counts.dropped } }),
  };
}

type Refuse = (reason: DocumentDrop, sentence: string) => never;

function parse(data: Uint8Array, refuse: Refuse): CapabilityDocument {
  const { maxDocumentBytes } = LIMITS;
  if (data.length > maxDocumentBytes) {
    refuse('malformed', `The document has ${data.length} bytes; ${maxDocumentBytes} are read.`);
  }
  try {
    return readDocument(data);
  } catch (error) {
    return refuse('malformed', error instanceof Error ? error.message : 'This is not a capability document.');
  }
}

/** Cheap questions first: a stranger's document must not cost a signature check. */
async function check(document: CapabilityDocument, expected: Expected, now: number, refuse: Refuse): Promise<void> {
  const { id: nodeId, publicKey } = expected;
  if (document.node_id !== nodeId) refuse('foreign', `The document of ${nodeId} names another node.`);
  const { signature, issued_at: issuedAt, expires_at: expiresAt } = document;
  if (signature === undefined || issuedAt === undefined || expiresAt === undefined) {
    return refuse('unsigned', `The document of ${nodeId} has no signature or no time.`);
  }
  if (isExpired(document, now) || issuedAt > now + LIMITS.clockSkewMs) {
    refuse(
      'expired',
      `The document of ${nodeId} does not hold at this time. Set the clock of that machine, or this one.`,
    );
  }
  if (!(await isSigned(document, signature, publicKey))) {
    refuse('foreign', `The document of ${nodeId} is not signed with the key of that node.`);
  }
  // Only now: another one may have come meanwhile.
  if (expected.document !== undefined && isOlder(document, expected.document)) {
    refuse('older', `The document of ${nodeId} is older than the one that is known.`);
  }
}

/** A node cannot give its document a longer life than the protocol does. */
function isExpired({ issued_at = 0, expires_at = 0 }: CapabilityDocument, now: number): boolean {
  return now > Math.min(expires_at, issued_at + LIMITS.documentLifetimeMs) + LIMITS.clockSkewMs;
}

/** Revisions count within one process of the node; a new process begins again. */
function isOlder(document: CapabilityDocument, known: CapabilityDocument): boolean {
  if (document.instance !== known.instance) return false;
  if (document.revision !== known.revision) return document.revision < known.revision;
  return (document.issued_at ?? 0) < (known.issued_at ?? 0);
}

/** On a thread of its own: 10,000 signatures are a second of work, during which the relay has other things to do. */
async function isSigned(document: CapabilityDocument, signature: string, publicKey: string): Promise<boolean> {
  const key = publicKeyBytes(publicKey, 'node');
  const bytes = base64UrlToBytes(signature);
  if (key === undefined || bytes === undefined) return false;
  try {
    const spki = createPublicKey({ key: Buffer.concat([SPKI_HEADER, key]), format: 'der', type: 'spki' });
    return await verifyAsync(null, documentBytes(document), spki, bytes);
  } catch {
    // What canonical JSON cannot hold, such as a number without end, was not signed either.
    return false;
  }
}

/** Of all that is signed, where the load stands last, as our own nodes write it; else of every byte. */
function digestOf(data: Uint8Array): string {
  return hash('sha256', data.subarray(0, signedLength(data)), 'base64');
}

/** In JSON these bytes cannot stand within a text, where a quotation mark has a backslash before it. */
const LOAD_MEMBER = ',"node_load":{';
const LoadAlone = validatorOf(Type.Object({ node_load: NodeLoad }, { additionalProperties: false }));

function signedLength(data: Uint8Array): number {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const at = bytes.lastIndexOf(LOAD_MEMBER);
  if (at < 0) return data.length;
  try {
    // Any other member in there is signed, and counts.
    return LoadAlone.Check(JSON.parse(`{${bytes.toString('utf8', at + 1)}`)) ? at : data.length;
  } catch {
    return data.length;
  }
}
