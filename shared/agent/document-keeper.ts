import { bytesToBase64Url } from '../protocol/base64.ts';
import { type CapabilityDocument, documentBytes, type NodeLoad } from '../protocol/capabilities.ts';
import { LIMITS } from '../protocol/limits.ts';

export type DocumentKeeper = {
  revision(): number;
  /** What the node is busy with now, as its documents and beats say it. */
  load(): NodeLoad;
  /** The signed document with the load of now. */
  current(): Promise<CapabilityDocument>;
  /** Something else than load has changed: the next document has the next revision. */
  touch(): void;
};

export type DocumentKeeperPorts = {
  build(revision: number, issuedAt: number): CapabilityDocument;
  load(): NodeLoad;
  sign(bytes: Uint8Array): Promise<Uint8Array>;
  now: () => number;
};

/** A document is issued anew when half its life is over, so that whoever holds one holds a valid one. */
const REISSUE_AFTER_MS = LIMITS.documentLifetimeMs / 2;
/** Of a clock that was set back by more nobody knows whether it was right before; relays refuse what is not yet. */
const SET_BACK_MOST_MS = LIMITS.clockSkewMs / 2;

type SignedPart = Omit<CapabilityDocument, 'node_load'>;

/**
 * Keeps the node's signed document.
 *
 * Invariants: (1) two documents of one revision differ in load and time alone; (2) of one revision a later document is never
 * issued before an earlier one, and a clock that was set back by more than a little begins another; (3) each is signed once,
 * and load alone costs no signature; (4) the load stands last, so that two of them are the same bytes up to there.
 */
export function createDocumentKeeper(ports: DocumentKeeperPorts): DocumentKeeper {
  let revision = 1;
  let latest: { revision: number; issuedAt: number; signed: Promise<SignedPart> } | undefined;

  const issue = (issuedAt: number): Promise<SignedPart> => {
    const signed = sign(ports.build(revision, issuedAt), ports);
    latest = { revision, issuedAt, signed };
    // What could not be signed is tried again with the next question.
    signed.catch(() => {
      latest = undefined;
    });
    return signed;
  };
  const signedPart = (): Promise<SignedPart> => {
    const told = ports.now();
    if (latest !== undefined && told < latest.issuedAt - SET_BACK_MOST_MS) {
      revision = Math.max(revision, latest.revision + 1);
      return issue(told);
    }
    const now = Math.max(told, latest?.issuedAt ?? 0);
    if (latest === undefined || latest.revision !== revision) return issue(now);
    return now - latest.issuedAt < REISSUE_AFTER_MS ? latest.signed : issue(now);
  };

  return {
    revision: () => revision,
    load: ports.load,
    touch: () => {
      revision += 1;
    },
    current: async () => ({ ...(await signedPart()), node_load: ports.load() }),
  };
}

async function sign(draft: CapabilityDocument, ports: DocumentKeeperPorts): Promise<SignedPart> {
  const signature = await ports.sign(documentBytes(draft));
  const { node_load: _, ...facts } = draft;
  return { ...facts, signature: bytesToBase64Url(signature) };
}
