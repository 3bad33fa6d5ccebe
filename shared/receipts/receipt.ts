import { type Static, Type } from 'typebox';
import { Execution, Usage } from '../protocol/messages.ts';
import { canonicalBytes } from './canonical-json.ts';

const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });
const Milliseconds = Type.Integer({ minimum: 0 });

/**
 * What is kept of a finished attempt: who did what, how much and how fast. Hashes stand for request and response, so
 * that a receipt can be shown without either; `hashed-content.ts` says which bytes they cover.
 */
export const Receipt = Type.Object(
  {
    /** Version of this record. */
    v: Type.Literal(1),
    id: Type.String({ minLength: 1, maxLength: 64 }),
    job: Type.String({ minLength: 1, maxLength: 64 }),
    attempt: Type.Integer({ minimum: 1 }),
    node: Type.String({ minLength: 1 }),
    epoch: Type.Integer({ minimum: 1 }),
    /** Registry id, such as `llm/inference`. */
    service: Type.String({ minLength: 1 }),
    model: Type.String({ minLength: 1 }),
    execution: Execution,
    requestHash: Sha256,
    responseHash: Sha256,
    /** `reported` is the node's claim, `measured` what the relay counted itself where it can. */
    usage: Type.Object({ measured: Type.Optional(Usage), reported: Usage }, { additionalProperties: false }),
    /** All three from the moment the relay queued the attempt, so that none is larger than the next. */
    times: Type.Object(
      { queueMs: Milliseconds, firstTokenMs: Type.Union([Milliseconds, Type.Null()]), totalMs: Milliseconds },
      { additionalProperties: false },
    ),
    /** Milliseconds since 1970 by the relay's clock. */
    issuedAt: Type.Integer({ minimum: 0 }),
  },
  { additionalProperties: false },
);
export type Receipt = Static<typeof Receipt>;

/** The bytes of a receipt that are hashed, logged and signed. */
export function receiptBytes(receipt: Receipt): Uint8Array<ArrayBuffer> {
  return canonicalBytes(receipt);
}

/** The name of a receipt by its content. `sha256` is given because a browser's answers later and Node's at once. */
export function receiptHash<T>(receipt: Receipt, sha256: (bytes: Uint8Array<ArrayBuffer>) => T): T {
  return sha256(receiptBytes(receipt));
}
