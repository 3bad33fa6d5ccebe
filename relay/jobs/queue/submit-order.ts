import type { Billing } from '../../credits/billing.ts';
import type { QueuedOrder } from '../../store/queued-job-store.ts';
import type { Accepted } from './admission.ts';
import type { JobQueue } from './job-queue.ts';

/**
 * Puts a job into the queue, with its hold on credits, which is not left of one that is not taken. Errors: those of
 * `JobQueue.accept`, `insufficient_credits`.
 */
export async function submitOrder(
  order: QueuedOrder,
  input: string,
  { billing, queue }: { billing: Pick<Billing, 'reserve' | 'release'>; queue: Pick<JobQueue, 'accept'> },
  trace?: Parameters<JobQueue['accept']>[2],
): Promise<Accepted> {
  const { id, apiKeyId, holdMicro } = order;
  if (holdMicro !== null) billing.reserve(id, apiKeyId, holdMicro);
  let isTaken = false;
  try {
    const accepted = await queue.accept(order, input, trace);
    isTaken = accepted.isNew;
    return accepted;
  } finally {
    if (!isTaken) billing.release(id);
  }
}
