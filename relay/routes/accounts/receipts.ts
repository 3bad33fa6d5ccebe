import { setTimeout as pause } from 'node:timers/promises';
import { Type } from 'typebox';
import { NoParameters } from '../../../shared/api/no-parameters.ts';
import { AuditReport, ReceiptKeyList, ReceiptList } from '../../../shared/api/receipts.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { ConsistencyProof, TreeHead } from '../../../shared/receipts/log/tree-head.ts';
import { Receipt } from '../../../shared/receipts/receipt.ts';
import { ReceiptProof } from '../../../shared/receipts/receipt-proof.ts';
import type { Principal } from '../../access/api-keys.ts';
import { auditLog } from '../../receipts/log/audit-log.ts';
import { createPace } from '../../receipts/log/audit-pace.ts';
import { createAudits } from '../../receipts/log/audits.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { sendJson } from '../http/send-json.ts';
import { findOwnJob } from '../jobs/job-views.ts';

const IdParams = Type.Object({ id: Type.String({ maxLength: 64 }) });
/** Query texts are not turned into numbers by the validator. */
const Size = Type.String({ pattern: '^[0-9]{1,13}$', description: 'A number of receipts' });
const ProofQuery = Type.Object({ size: Type.Optional(Size) }, { additionalProperties: false });
const ConsistencyQuery = Type.Object({ from: Size, to: Type.Optional(Size) }, { additionalProperties: false });

/** Receipts and their log. A key sees receipts of its own jobs only; heads and consistency tell nothing of any job. */
export function registerReceiptRoutes(app: RelayApp, services: RelayServices): void {
  registerReceipts(app, services);
  registerLog(app, services);
  registerAudit(app, services);
}

function registerReceipts(app: RelayApp, services: RelayServices): void {
  const { store, receiptLog } = services;
  const find = async (id: string, { keyId, kind }: Principal): Promise<Receipt> => {
    const receipt = await store.jobs.findReceipt(id);
    const owner = receipt && (await store.jobs.findJob(receipt.job))?.apiKeyId;
    // The operator sees every key's: there are hashes in a receipt, and nothing of what was said.
    if (receipt !== undefined && owner !== undefined && (owner === keyId || kind === 'admin')) return receipt;
    throw new Problem('receipt_not_found', `There is no receipt "${id}" of this key.`, { param: 'id' });
  };

  app.get(
    '/v1/jobs/:id/receipts',
    {
      config: { access: 'receipts' },
      schema: {
        summary: 'Every receipt of a job, oldest first',
        tags: ['Receipts'],
        params: IdParams,
        querystring: NoParameters,
        response: { 200: ReceiptList },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await findOwnJob(id, request.principal, services);
      return sendJson(reply, { data: await store.jobs.receiptsOfJob(id), next: null });
    },
  );
  app.get(
    '/v1/receipts/:id',
    {
      config: { access: 'receipts' },
      schema: { summary: 'A receipt', tags: ['Receipts'], params: IdParams, response: { 200: Receipt } },
    },
    async (request, reply) => sendJson(reply, await find(request.params.id, request.principal)),
  );
  app.get(
    '/v1/receipts/:id/proof',
    {
      config: { access: 'receipts' },
      schema: {
        summary: 'A receipt with the proof that the log holds it',
        tags: ['Receipts'],
        params: IdParams,
        querystring: ProofQuery,
        response: { 200: ReceiptProof },
      },
    },
    async (request, reply) => {
      const { id } = await find(request.params.id, request.principal);
      const { size } = request.query;
      return sendJson(reply, await receiptLog.prove(id, size === undefined ? undefined : Number(size)));
    },
  );
}

/** What holds for all receipts together; it tells nothing of any job. */
function registerLog(app: RelayApp, { receiptLog, ...services }: RelayServices): void {
  app.get(
    '/v1/log/head',
    {
      config: { access: 'receipts' },
      schema: {
        summary: 'The signed head of the receipt log',
        tags: ['Receipts'],
        response: { 200: TreeHead },
      },
    },
    async (_request, reply) => sendJson(reply, await receiptLog.head()),
  );
  app.get(
    '/v1/log/keys',
    {
      // Who was handed a receipt has no key here, and needs these to know whose it is.
      config: { access: 'public' },
      schema: {
        summary: 'The keys that sign and attest receipts',
        tags: ['Receipts'],
        response: { 200: ReceiptKeyList },
      },
    },
    async (_request, reply) =>
      sendJson(reply, { relay: services.relayKey, attestation: services.attestationKey ?? null }),
  );
  app.get(
    '/v1/log/consistency',
    {
      config: { access: 'receipts' },
      schema: {
        summary: 'The proof that the receipt log has only grown between two sizes',
        tags: ['Receipts'],
        querystring: ConsistencyQuery,
        response: { 200: ConsistencyProof },
      },
    },
    async (request, reply) => {
      const { from, to } = request.query;
      const newer = await receiptLog.head(to === undefined ? undefined : Number(to), 'to');
      if (Number(from) > newer.size) {
        throw new Problem('invalid_value', `A log of ${from} receipts is no beginning of one of ${newer.size}.`, {
          param: 'from',
        });
      }
      const older = await receiptLog.head(Number(from));
      return sendJson(reply, { from: older, to: newer, path: await receiptLog.consistency(older.size, newer.size) });
    },
  );
}

function registerAudit(app: RelayApp, { store, receiptLog, ...services }: RelayServices): void {
  const audit = createAudits(() => {
    const pace = createPace({ now: () => performance.now(), rest: pause });
    return auditLog({ store: store.receiptLog, relayKey: services.relayKey, head: receiptLog.lastHead(), pace });
  });
  app.get(
    '/v1/admin/log/audit',
    {
      config: { access: 'admin' },
      schema: {
        summary: 'Checks every receipt and the whole log',
        tags: ['Receipts'],
        response: { 200: AuditReport },
      },
    },
    async (_request, reply) => sendJson(reply, await audit()),
  );
}
