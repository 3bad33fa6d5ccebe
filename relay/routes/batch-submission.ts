import type { FastifyRequest } from 'fastify';
import type { BatchFault, BatchRequest } from '../../shared/api/batches.ts';
import type { RoutingRequest } from '../../shared/api/routing.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { SERVICE_OF_ENDPOINT } from '../batches/answer-lines.ts';
import { type AskedLine, fault, MOST_BYTES, readLines } from '../batches/read-lines.ts';
import { holdFor } from '../credits/hold-for.ts';
import { newId } from '../jobs/id.ts';
import { QUEUE_LIMITS } from '../jobs/queue/queue-limits.ts';
import type { RelayServices } from '../services.ts';
import type { BatchRecord } from '../store/batch-store.ts';
import type { QueuedOrder } from '../store/queued-job-store.ts';
import { submit, USUAL_ATTEMPTS } from './job-submission.ts';
import { orderOf } from './order-of.ts';
import { readRoutingOptions } from './routing-options.ts';

const PURPOSE = 'batch';
const FAULTS_SHOWN = 100;

type ReadyLine = { customId: string; order: QueuedOrder; input: string };

/**
 * Makes a batch of a file: every line a job, or none. What is wrong with the file its batch tells; what is wrong with the
 * request is refused. A batch counts as one request for each of its models.
 */
export async function submitBatch(
  request: FastifyRequest<{ Body: BatchRequest }>,
  services: RelayServices,
): Promise<BatchRecord> {
  const { body, principal } = request;
  const text = await readInputFile(body.input_file_id, principal.keyId, services);
  const batch = newBatch(body, principal.keyId);
  const { asked, faults } = readLines(text, body.endpoint);
  const ready: ReadyLine[] = [];
  for (const line of asked) {
    const read = await readyLine(line, batch, request, services).catch((error: unknown) => faultOf(error, line));
    if ('order' in read) ready.push(read);
    else faults.push(read);
  }
  const lines = ready.map(({ customId, order }) => ({ customId, jobId: order.id }));
  if (faults.length > 0) return services.batches.refuse({ ...batch, faults: faults.slice(0, FAULTS_SHOWN) });
  for (const model of new Set(ready.map(({ order }) => order.model))) services.admit(principal, model);
  await services.files.prolong(body.input_file_id, batch.expiresAt);
  return services.batches.begin({ ...batch, lines, total: lines.length }, async () => {
    const taken = ready.map(({ order, input }) => submit(order, input, request, services));
    const refused = (await Promise.allSettled(taken)).find(({ status }) => status === 'rejected');
    if (refused !== undefined) throw (refused as PromiseRejectedResult).reason;
  });
}

async function readInputFile(fileId: string, apiKeyId: string, { files }: RelayServices): Promise<string> {
  const param = 'input_file_id';
  const file = await files.find(fileId, apiKeyId, param);
  if (file.purpose !== PURPOSE) {
    throw new Problem('invalid_value', `The file has the purpose ${file.purpose}. Upload it with \`batch\`.`, {
      param,
    });
  }
  if (file.sizeBytes > MOST_BYTES) {
    throw new Problem('file_too_large', `The input of a batch has ${MOST_BYTES} bytes at most.`, { param });
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of await files.read(file)) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString('utf8');
}

function newBatch(body: BatchRequest, apiKeyId: string): BatchRecord {
  const createdAt = Date.now();
  return {
    id: newId('batch', createdAt),
    apiKeyId,
    state: 'validating',
    endpoint: body.endpoint,
    inputFileId: body.input_file_id,
    metadata: body.metadata ?? null,
    lines: [],
    ...{ total: 0, completed: 0, failed: 0 },
    faults: [],
    ...{ outputFileId: null, errorFileId: null },
    createdAt,
    expiresAt: createdAt + QUEUE_LIMITS.lifetimeMs,
    ...{ inProgressAt: null, finalizingAt: null, cancellingAt: null, endedAt: null },
  };
}

async function readyLine(
  { customId, body }: AskedLine,
  { endpoint, createdAt, expiresAt: deadline }: BatchRecord,
  { principal, id: requestId }: FastifyRequest,
  services: RelayServices,
): Promise<ReadyLine> {
  assertWhole(body);
  const service = SERVICE_OF_ENDPOINT[endpoint];
  const { order } = await orderOf(service, { input: body, model: undefined }, principal, services);
  const routing = (body.routing ?? null) as RoutingRequest | null;
  const { maxWaitMs = null } = readRoutingOptions(routing, services);
  const input = JSON.stringify({ input: order.input });
  return {
    customId,
    input,
    order: {
      ...{ id: newId('job', createdAt), receiptId: newId('rcpt', createdAt), requestId, apiKeyId: principal.keyId },
      ...{ service, type: order.type, model: order.model, routing, priority: 0, deadline, maxWaitMs, createdAt },
      ...{ maxAttempts: USUAL_ATTEMPTS, idempotencyKey: null, requestHash: '', webhook: null, nonce: null },
      inputBytes: Buffer.byteLength(input),
      holdMicro: holdFor(principal, order, services.billing) ?? null,
    },
  };
}

/** What the file of answers has no room for. */
function assertWhole({ model, stream, encoding_format: encoding }: Record<string, unknown>): void {
  if (typeof model !== 'string') {
    throw new Problem('missing_required_parameter', "Missing required parameter: 'model'.", { param: 'model' });
  }
  const param = stream === true ? 'stream' : encoding === 'base64' ? 'encoding_format' : undefined;
  if (param !== undefined) throw new Problem('unsupported_parameter', `A batch takes no ${param}.`, { param });
}

function faultOf(error: unknown, { line }: AskedLine): BatchFault {
  if (!(error instanceof Problem)) throw error;
  return fault(error.code, error.message, line, error.param ?? null);
}
