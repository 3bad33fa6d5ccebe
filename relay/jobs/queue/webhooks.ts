import type { RelayLog } from '../../log.ts';
import type { JobEnding, QueuedJob, QueuedJobStore, WebhookDelivery } from '../../store/queued-job-store.ts';
import type { JobRecord } from '../../store/store.ts';
import type { SendWebhook } from './webhook-request.ts';

export type WebhookPorts = {
  store: Pick<QueuedJobStore, 'dueWebhooks' | 'settleWebhook'>;
  send: SendWebhook;
  /** Milliseconds since 1970. */
  now: () => number;
  /** At least 0 and less than 1. */
  random: () => number;
  log: RelayLog;
};

export type Webhooks = {
  /** Word has been added. */
  wake(): void;
  stop(): Promise<void>;
};

/** Over about six hours, which is longer than most outages that somebody looks after. */
const MOST_TRIES = 12;
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 3_600_000;
const AT_ONCE = 20;
const AFTER_FAULT_MS = 5_000;
const TIMER_MOST_MS = 3_600_000;
const GONE = 410;

/** The CloudEvent of a job's end. It holds nothing of input and result: whoever is told fetches the result. */
export function webhookEvent(job: QueuedJob, { state, problem, finishedAt }: JobRecord): JobEnding['event'] & object {
  const id = `${job.id}.end`;
  const body = JSON.stringify({
    specversion: '1.0',
    id,
    source: `/v1/jobs/${job.id}`,
    type: `sparewatt.job.${state}`,
    time: new Date(finishedAt).toISOString(),
    datacontenttype: 'application/json',
    data: { job: job.id, service: job.service, model: job.model, state, problem, finishedAt },
  });
  return { id, body };
}

/**
 * Brings word of ended jobs to their webhooks, at least once each, also after a restart.
 *
 * Invariants: (1) word is forgotten after an answer of 2xx or 410 or the last try, and not before; (2) one round runs at
 * a time, and another follows when word came meanwhile.
 */
export function deliverWebhooks({ store, send, now, random, log }: WebhookPorts): Webhooks {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let round: Promise<void> | undefined;
  let again = false;
  let stopped = false;

  const deliver = async (delivery: WebhookDelivery): Promise<void> => {
    const { seq, tries, eventId } = delivery;
    let reason: string | undefined;
    const status = await send(delivery, Math.floor(now() / 1_000)).catch((error: unknown) => {
      reason = error instanceof Error ? error.message : String(error);
      return 0;
    });
    const isOver = (status >= 200 && status < 300) || status === GONE || tries + 1 >= MOST_TRIES;
    if (status < 200 || status >= 300) {
      // Only where it was not reached has it no status.
      const answer = reason === undefined ? { status } : { reason };
      log.warn({ event: eventId, ...answer, tries: tries + 1 }, 'a webhook did not answer well');
    }
    await store.settleWebhook(seq, isOver ? null : now() + delayOf(tries, random()));
  };
  const deliverDue = async (): Promise<number | null> => {
    while (!stopped) {
      again = false;
      const { due, nextAt } = await store.dueWebhooks(now(), AT_ONCE);
      await Promise.all(due.map(deliver));
      if (due.length === 0 && !again) return nextAt;
    }
    return null;
  };
  const sleepUntil = (at: number): void => {
    if (stopped) return;
    clearTimeout(timer);
    timer = setTimeout(wake, Math.min(Math.max(0, at - now()), TIMER_MOST_MS)).unref();
  };
  const wake = (): void => {
    again = true;
    if (stopped || round !== undefined) return;
    round = deliverDue().then(
      (nextAt) => {
        round = undefined;
        if (nextAt !== null) sleepUntil(nextAt);
      },
      (error: unknown) => {
        round = undefined;
        log.error({ err: error }, 'webhooks could not be read or written down');
        sleepUntil(now() + AFTER_FAULT_MS);
      },
    );
  };
  wake();
  return {
    wake,
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await round;
    },
  };
}

/** In whole milliseconds. Doubles each time, with up to half of it added, so that many do not come back at once. */
export function delayOf(tries: number, random: number): number {
  return Math.round(Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** tries) * (1 + random / 2));
}
