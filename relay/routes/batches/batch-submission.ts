import type { FastifyRequest } from 'fastify';
import type { BatchRequest } from '../../../shared/api/batches.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { RelayServices } from '../../services.ts';
import type { BatchRecord } from '../../store/batch-store.ts';
import { readWebhook } from '../jobs/job-submission.ts';

const PURPOSE = 'batch';

/**
 * Makes a batch of a file, under this id. What is wrong with the request is refused; what is wrong with the file its batch tells. It counts
 * as one request of its key, however many lines it has.
 */
export async function submitBatch(
  { body, principal }: FastifyRequest<{ Body: BatchRequest }>,
  id: string,
  { batches, files, admit, webhookAddresses }: RelayServices,
): Promise<BatchRecord> {
  const { keyId } = principal;
  const { mostBytes, lifetimeMs } = batches.limits;
  const webhook = readWebhook(body.webhook, webhookAddresses);
  await assertInput(body.input_file_id, keyId, mostBytes, files);
  admit(principal, null);
  const batch = { ...newBatch(body, keyId, lifetimeMs), id, webhook };
  await files.prolong(body.input_file_id, batch.expiresAt);
  return batches.begin(batch);
}

async function assertInput(
  fileId: string,
  apiKeyId: string,
  mostBytes: number,
  files: RelayServices['files'],
): Promise<void> {
  const param = 'input_file_id';
  const { purpose, sizeBytes } = await files.find(fileId, apiKeyId, param);
  if (purpose !== PURPOSE) {
    throw new Problem('invalid_value', `The file has the purpose ${purpose}. Upload it with \`batch\`.`, { param });
  }
  if (sizeBytes <= mostBytes) return;
  const sentence = `The file has ${sizeBytes} bytes; that of a batch has ${mostBytes} at most. Make several of it.`;
  throw new Problem('file_too_large', sentence, { param });
}

function lifetimeOf(expiry: BatchRequest['output_expires_after']): number | null {
  return expiry == null ? null : expiry.seconds * 1_000;
}

function newBatch(body: BatchRequest, apiKeyId: string, lifetimeMs: number): Omit<BatchRecord, 'id'> {
  const createdAt = Date.now();
  return {
    apiKeyId,
    state: 'validating',
    endpoint: body.endpoint,
    inputFileId: body.input_file_id,
    ...{ metadata: body.metadata ?? null, model: null, usage: null },
    ...{ total: 0, completed: 0, failed: 0 },
    faults: [],
    ...{ outputFileId: null, errorFileId: null, filesLifetimeMs: lifetimeOf(body.output_expires_after), webhook: null },
    createdAt,
    expiresAt: createdAt + lifetimeMs,
    ...{ inProgressAt: null, finalizingAt: null, cancellingAt: null, endedAt: null },
  };
}
