import { type Static, Type } from 'typebox';
import { canonicalBytes } from '../receipts/canonical-json.ts';
import { Receipt } from '../receipts/receipt.ts';
import { NodeName, NodeProof, Signature } from './pairing.ts';

/** Jobs of one question; the relay signs each receipt anew for it. */
export const MOST_RECORD_JOBS = 50;
/** Credit entries of one answer. */
export const MOST_RECORD_CREDITS = 200;

const Seq = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** What a node asks its relay about its own work. */
export const RecordsQuestion = Type.Object(
  {
    /** Jobs that it ran; those of other nodes, and those without a receipt, are passed over. */
    jobs: Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: MOST_RECORD_JOBS }),
    /** Credits entered before the one of this number; null asks for the newest. */
    creditsBefore: Type.Union([Seq, Type.Null()]),
  },
  { additionalProperties: false },
);
export type RecordsQuestion = Static<typeof RecordsQuestion>;

/** `POST /v1/nodes/records`: the question with the proof that its asker holds the node's key (SPEC V11). */
export const RecordsRequest = Type.Object(
  { publicKey: Type.String({ pattern: '^U[A-Z2-7]{55}$' }), name: NodeName, proof: NodeProof, ask: RecordsQuestion },
  { additionalProperties: false },
);
export type RecordsRequest = Static<typeof RecordsRequest>;

/** What the node was credited for one job. */
export const NodeCredit = Type.Object({
  /** The number of the entry in the relay's ledger. */
  seq: Seq,
  /** Milliseconds since 1970 by the relay's clock. */
  at: Type.Integer({ minimum: 0 }),
  /** Millionths of a credit. */
  amountMicro: Type.Integer({ minimum: 1 }),
  /** The receipt that it pays for. */
  reference: Type.String({ maxLength: 128 }),
});
export type NodeCredit = Static<typeof NodeCredit>;

/** An attempt of the node that counts as ended by a problem, whatever the node made of it: it was lost meanwhile, or its client gone. */
export const UncountedAttempt = Type.Object({
  job: Type.String({ maxLength: 64 }),
  attempt: Type.Integer({ minimum: 1 }),
  code: Type.String({ maxLength: 64 }),
});
export type UncountedAttempt = Static<typeof UncountedAttempt>;

export const NodeRecords = Type.Object({
  receipts: Type.Array(Receipt),
  /** Of the jobs that were asked for. Absent where the relay is of a version that does not tell. */
  uncounted: Type.Optional(Type.Array(UncountedAttempt)),
  /** Newest first. */
  credits: Type.Array(NodeCredit, { maxItems: MOST_RECORD_CREDITS }),
  /** What to pass as `creditsBefore` for those before; null when there are none. */
  creditsNext: Type.Union([Seq, Type.Null()]),
});
export type NodeRecords = Static<typeof NodeRecords>;

export const RecordsResponse = Type.Object({ records: NodeRecords, relaySignature: Signature });
export type RecordsResponse = Static<typeof RecordsResponse>;

/** What the relay signs: its answer, and the challenge that it answers, so that no older answer passes for this one. */
export function recordsStatement(challenge: string, records: NodeRecords): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode('sparewatt node records 1\n');
  const body = canonicalBytes({ challenge, records });
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}
