import { type Static, Type } from 'typebox';
import { Execution, NodeTimings, Usage } from '../protocol/messages.ts';
import { loggedPartOf } from './attestation.ts';
import { NODE_SIGNATURE_LIMIT } from './batch-signature.ts';
import { canonicalBytes } from './canonical-json.ts';

const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });
const Milliseconds = Type.Integer({ minimum: 0 });
const Count = Type.Integer({ minimum: 0 });
const PublicKey = Type.String({ pattern: '^[A-Z2-7]{56}$' });
/** Ed25519, base64url. */
const Signature = Type.String({ pattern: '^[\\w-]{86}$' });

/** What the relay counted itself of what passed it: the bytes that each hash covers, and tokens where they came singly. */
export const MeasuredUsage = Type.Object(
  {
    requestBytes: Count,
    responseBytes: Count,
    /** Null for an answer that came whole: how many tokens it is made of, the node alone has seen. */
    outputTokens: Type.Union([Count, Type.Null()]),
  },
  { additionalProperties: false },
);
export type MeasuredUsage = Static<typeof MeasuredUsage>;

/** What the relay found of the node's signature: it fits what the relay saw, there is none, or it does not fit. */
export const SignatureVerdict = Type.Union([Type.Literal('sound'), Type.Literal('absent'), Type.Literal('refused')]);
export type SignatureVerdict = Static<typeof SignatureVerdict>;

/** What the coordinator says of a receipt under a key of its own, apart from the relay's. */
export const Attestation = Type.Object(
  {
    /** NATS text form, `N…`. */
    key: Type.String({ pattern: '^N[A-Z2-7]{55}$' }),
    signature: Signature,
  },
  { additionalProperties: false },
);
export type Attestation = Static<typeof Attestation>;

const RECORD = {
  /** Version of this record. */
  v: Type.Literal(2),
  id: Type.String({ minLength: 1, maxLength: 64 }),
  job: Type.String({ minLength: 1, maxLength: 64 }),
  attempt: Type.Integer({ minimum: 1 }),
  /** What the client sent to know its own receipt by; null without one. */
  nonce: Type.Union([Type.String({ minLength: 1, maxLength: 128 }), Type.Null()]),
  node: Type.String({ minLength: 1 }),
  epoch: Type.Integer({ minimum: 1 }),
  /** Registry id, such as `llm/inference`. */
  service: Type.String({ minLength: 1 }),
  model: Type.String({ minLength: 1 }),
  execution: Execution,
  requestHash: Sha256,
  responseHash: Sha256,
  /** `reported` is the node's claim; `measured` is null for work that passed the relay by. */
  usage: Type.Object(
    { measured: Type.Union([MeasuredUsage, Type.Null()]), reported: Usage },
    { additionalProperties: false },
  ),
  /** From the moment the relay queued the attempt, so that none is larger than the next; `reported` is the node's. */
  times: Type.Object(
    {
      queueMs: Milliseconds,
      firstTokenMs: Type.Union([Milliseconds, Type.Null()]),
      totalMs: Milliseconds,
      reported: Type.Union([NodeTimings, Type.Null()]),
    },
    { additionalProperties: false },
  ),
  /** Milliseconds since 1970 by the relay's clock. */
  issuedAt: Type.Integer({ minimum: 0 }),
  /** NATS text form: the node's `U…`, null when the relay does not know it any more, and the relay's `N…`. */
  keys: Type.Object({ node: Type.Union([PublicKey, Type.Null()]), relay: PublicKey }, { additionalProperties: false }),
};

/** As the node sent it (`batch-signature.ts`), whether it fits or not; null when it sent none. */
const NodeSignature = Type.Union([Type.String({ maxLength: NODE_SIGNATURE_LIMIT }), Type.Null()]);

/** A receipt as it is kept and logged: the record with the node's signature. The relay signs it for whoever asks. */
export const LoggedReceipt = Type.Object(
  { ...RECORD, signatures: Type.Object({ node: NodeSignature }, { additionalProperties: false }) },
  { additionalProperties: false },
);
export type LoggedReceipt = Static<typeof LoggedReceipt>;

/**
 * What is kept of a finished attempt: who did what, how much and how fast. Hashes stand for request and response, so
 * that a receipt can be shown without either; `hashed-content.ts` says which bytes they cover.
 *
 * Two keys stand behind it: the node signs the part that it knows (`statements.ts`) when it has finished, the relay
 * signs everything, the node's signature among it. A coordinator that has a third key for it attests the record, too.
 */
export const Receipt = Type.Object(
  {
    ...RECORD,
    signatures: Type.Object(
      { node: NodeSignature, relay: Signature, verdict: SignatureVerdict },
      { additionalProperties: false },
    ),
    attestation: Type.Optional(Attestation),
  },
  { additionalProperties: false },
);
export type Receipt = Static<typeof Receipt>;

/** The bytes of a receipt that are hashed and logged. */
export function receiptBytes(receipt: Receipt | LoggedReceipt): Uint8Array<ArrayBuffer> {
  return canonicalBytes(loggedPartOf(receipt));
}

/** The name of a receipt by its content. `sha256` is given because a browser's answers later and Node's at once. */
export function receiptHash<T>(receipt: Receipt, sha256: (bytes: Uint8Array<ArrayBuffer>) => T): T {
  return sha256(receiptBytes(receipt));
}
