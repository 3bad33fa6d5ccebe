import { verify } from 'node:crypto';
import { publicKeyBytes } from '../../shared/identity/key-text.ts';
import { base64UrlToBytes, bytesToBase64Url } from '../../shared/protocol/base64.ts';
import type { Execution, NodeTimings, Usage } from '../../shared/protocol/messages.ts';
import type { JobType } from '../../shared/protocol/subjects.ts';
import type { Receipt } from '../../shared/receipts/receipt.ts';
import {
  nodeStatementBytes,
  nodeStatementOf,
  relayStatementBytes,
  SERVICE_OF_JOB_TYPE,
} from '../../shared/receipts/statements.ts';
import type { NKey } from '../fabric/nkey.ts';

/** What the relay knows of an attempt that succeeded. Its times are milliseconds by one clock; fractions are rounded. */
export type ReceiptFacts = {
  receiptId: string;
  job: string;
  attempt: number;
  nonce: string | null;
  node: string;
  epoch: number;
  type: JobType;
  model: string;
  execution: Execution;
  requestHash: string;
  responseHash: string;
  /** The node's claim. */
  reported: Usage;
  /** What the relay counted itself, where it can. */
  measured?: Usage | undefined;
  queuedAt: number;
  startedAt: number;
  firstTokenAt: number | null;
  finishedAt: number;
  /** Milliseconds since 1970. */
  issuedAt: number;
  /** Null when the node is not registered any more. */
  nodeKey: string | null;
  /** What the node said of its own times, and signed. */
  nodeTimings: NodeTimings | null;
  nodeSignature: string | null;
};

/** The part of the relay's key that receipts need. */
export type ReceiptSigner = Pick<NKey, 'publicKey' | 'sign'>;

/**
 * The receipt of an attempt that succeeded, signed by the relay. The node's signature goes into it only when it fits
 * what the relay saw. Every member is named here, so that nothing slips into it by accident.
 */
export function issueReceipt(facts: ReceiptFacts, relay: ReceiptSigner): Receipt {
  const record = recordOf(facts, relay.publicKey);
  const node = isNodesOwn(record, facts.nodeSignature) ? facts.nodeSignature : null;
  const signature = relay.sign(relayStatementBytes({ ...record, signatures: { node } }));
  return { ...record, signatures: { node, relay: bytesToBase64Url(signature) } };
}

type Unsigned = Omit<Receipt, 'signatures'>;

function recordOf(facts: ReceiptFacts, relayKey: string): Unsigned {
  const { firstTokenAt, measured, reported } = facts;
  const since = (time: number) => wholeMs(time - facts.queuedAt);
  return {
    v: 2,
    id: facts.receiptId,
    job: facts.job,
    attempt: facts.attempt,
    nonce: facts.nonce,
    node: facts.node,
    epoch: facts.epoch,
    service: SERVICE_OF_JOB_TYPE[facts.type],
    model: facts.model,
    execution: facts.execution,
    requestHash: facts.requestHash,
    responseHash: facts.responseHash,
    usage: measured === undefined ? { reported } : { measured, reported },
    times: {
      queueMs: since(facts.startedAt),
      firstTokenMs: firstTokenAt === null ? null : since(firstTokenAt),
      totalMs: since(facts.finishedAt),
      reported: facts.nodeTimings,
    },
    issuedAt: Math.round(facts.issuedAt),
    keys: { node: facts.nodeKey, relay: relayKey },
  };
}

/** Whole numbers read the same in every language; a clock that steps back must not make one negative. */
function wholeMs(ms: number): number {
  return Math.max(0, Math.round(ms));
}

/** What stands before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410). */
const SPKI_HEADER = Buffer.from('302a300506032b6570032100', 'hex');

/** Verified by node:crypto at once: the record must be handed to the store before its client can ask for it. */
function isNodesOwn(record: Unsigned, signature: string | null): boolean {
  const statement = nodeStatementOf(record);
  const bytes = signature === null ? undefined : base64UrlToBytes(signature);
  const key = statement && publicKeyBytes(statement.nodeKey, 'node');
  if (statement === undefined || bytes === undefined || key === undefined) return false;
  const der = Buffer.concat([SPKI_HEADER, key]);
  return verify(null, nodeStatementBytes(statement), { key: der, format: 'der', type: 'spki' }, bytes);
}
