import { type Static, Type } from 'typebox';
import { TreeHead } from '../receipts/log/tree-head.ts';
import { Receipt } from '../receipts/receipt.ts';
import { Nullable } from './nullable.ts';

/** `GET /v1/jobs/{id}/receipts`. */
export const ReceiptList = Type.Object({ data: Type.Array(Receipt), next: Nullable(Type.String()) });
export type ReceiptList = Static<typeof ReceiptList>;

/** `GET /v1/log/keys`: whose names stand under receipts, beside those of nodes. `attestation` is null where there is none. */
export const ReceiptKeyList = Type.Object({ relay: Type.String(), attestation: Nullable(Type.String()) });
export type ReceiptKeyList = Static<typeof ReceiptKeyList>;

/** `GET /v1/admin/log/audit`: no problems when everything holds. */
export const AuditReport = Type.Object({
  size: Type.Integer(),
  root: Type.String(),
  head: Nullable(TreeHead),
  problems: Type.Array(Type.String()),
});
export type AuditReport = Static<typeof AuditReport>;
