import { bytesToBase64Url } from '../protocol/base64.ts';
import { type CapabilityDocument, documentBytes } from '../protocol/capabilities.ts';
import { LIMITS } from '../protocol/limits.ts';

export type DocumentKeeper = {
  revision(): number;
  /** The signed document as it is now; the same one as long as nothing in it has moved. */
  current(): Promise<CapabilityDocument>;
  /** Something else than load has changed: the next document has the next revision. */
  touch(): void;
};

export type DocumentKeeperPorts = {
  build(revision: number, issuedAt: number): CapabilityDocument;
  sign(bytes: Uint8Array): Promise<Uint8Array>;
  now: () => number;
};

/** Load moves with every job: a document that only differs in load is issued at most this often. */
const LOAD_AFTER_MS = 1_000;
/** A document is issued anew when half its life is over, so that whoever holds one holds a valid one. */
const REISSUE_AFTER_MS = LIMITS.documentLifetimeMs / 2;

/**
 * Keeps the node's signed document.
 *
 * Invariants: (1) two documents of one revision differ in load and measured speeds alone; (2) a later document is never
 * issued before an earlier one, also when the clock is set back within a process; (3) each is signed once.
 */
export function createDocumentKeeper(ports: DocumentKeeperPorts): DocumentKeeper {
  let revision = 1;
  let latest: { revision: number; issuedAt: number; content: string; signed: Promise<CapabilityDocument> } | undefined;

  const issue = (draft: CapabilityDocument, content: string): Promise<CapabilityDocument> => {
    const signed = sign(draft, ports);
    latest = { revision, issuedAt: draft.issued_at ?? 0, content, signed };
    // What could not be signed is tried again with the next question.
    signed.catch(() => {
      latest = undefined;
    });
    return signed;
  };

  return {
    revision: () => revision,
    touch: () => {
      revision += 1;
    },
    current: () => {
      const now = Math.max(ports.now(), latest?.issuedAt ?? 0);
      const ageMs = latest === undefined ? Number.POSITIVE_INFINITY : now - latest.issuedAt;
      const isCurrent = latest?.revision === revision && ageMs < REISSUE_AFTER_MS;
      if (latest !== undefined && isCurrent && ageMs < LOAD_AFTER_MS) return latest.signed;
      const draft = ports.build(revision, now);
      const content = JSON.stringify({ ...draft, issued_at: 0, expires_at: 0 });
      if (latest !== undefined && isCurrent && content === latest.content) return latest.signed;
      return issue(draft, content);
    },
  };
}

async function sign(draft: CapabilityDocument, ports: DocumentKeeperPorts): Promise<CapabilityDocument> {
  const signature = await ports.sign(documentBytes(draft));
  return { ...draft, signature: bytesToBase64Url(signature) };
}
