import { Problem } from '../../../shared/problems/problem.ts';
import { SERVICE_OF_JOB_TYPE } from '../../../shared/receipts/statements.ts';
import { assertMayAsk } from '../../access/api-keys.ts';
import type { FeedPorts } from '../../batches/feed-lines.ts';
import { holdFor } from '../../credits/hold-for.ts';
import { newId } from '../../jobs/id.ts';
import type { KeptInput, QueuedRunPorts } from '../../jobs/queue/queued-run.ts';
import { readRouting } from '../../scheduler/routing.ts';
import type { RelayServices } from '../../services.ts';
import { USUAL_ATTEMPTS } from '../jobs/job-submission.ts';
import { fetchPictures } from '../openai/chat-pictures.ts';
import { readLaterCall } from '../openai/later-calls.ts';
import { readRoutingOptions } from '../routing/routing-options.ts';

/** Behind the other jobs of the key, which may raise or lower theirs. */
const PRIORITY = -1;

/** Makes the jobs of lines, which are read as their routes read bodies: when they are submitted, and again when they run. */
export function batchLineOrders(
  services: Pick<RelayServices, 'models' | 'table' | 'directory' | 'billing'>,
): FeedPorts['orderOf'] {
  const { models, table, billing } = services;
  return ({ batch, body, caller, mark, requestId }) => {
    const call = readLaterCall(batch.endpoint, body);
    const { type, model, routing } = call;
    // After a start of the relay its nodes are not back yet, and the job can wait for them.
    if (table.servesType(type)) models.assertKnown(model, type);
    call.assertFits(services);
    assertMayAsk(caller, model);
    const { maxWaitMs = null } = readRoutingOptions(routing, services);
    const kept: KeptInput = { endpoint: batch.endpoint, input: body };
    const input = JSON.stringify(kept);
    const createdAt = Date.now();
    const order = {
      ...mark,
      ...{ id: newId('job', createdAt), receiptId: newId('rcpt', createdAt), requestId, createdAt },
      ...{ service: SERVICE_OF_JOB_TYPE[type], type, model, routing, priority: PRIORITY, deadline: batch.expiresAt },
      ...{ maxAttempts: USUAL_ATTEMPTS, maxWaitMs, webhook: null, nonce: null },
      inputBytes: Buffer.byteLength(input),
      holdMicro: holdFor(caller, call, billing) ?? null,
    };
    return { order, input };
  };
}

/** How such a job is run: its result is the body that its route would answer with. */
export function batchLineRuns({ pictures }: Pick<RelayServices, 'pictures'>): QueuedRunPorts['callRun'] {
  return async (job, { endpoint, input: body }, signal) => {
    const call = readLaterCall(endpoint, body);
    const { input, stream } = call;
    const { sink, of: output } = call.answer(job);
    const bodyBytes = job.inputBytes;
    const fetched = await fetchPictures(call.pictures, bodyBytes, signal, pictures);
    const inTerms = (problem: Problem): Problem => {
      const own = call.inOwnTerms(problem);
      return own instanceof Problem ? own : problem;
    };
    return { reader: { sink, output, inTerms }, routing: readRouting(job.routing), input, stream, fetched };
  };
}
