import { setTimeout as pause } from 'node:timers/promises';
import type { RelayLog } from '../../log.ts';
import type { JobEnding, QueuedJob, QueuedJobStore, WebhookDelivery } from '../../store/queued-job-store.ts';
import type { JobRecord } from '../../store/store.ts';
import type { SendWebhook } from './webhook-request.ts';

export type WebhookPorts = {
  store: Pick<QueuedJobStore, 'dueWebhooks' | 'recallWebhooks' | 'settleWebhook'>;
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

/** Over five to eight hours, which is longer than most outages that somebody looks after. */
export const MOST_TRIES = 17;
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 3_600_000;
/** After each number of tries. */
const LONGEST_WAITS = Array.from({ length: MOST_TRIES }, (_, tries) => (tries === 0 ? 0 : delayOf(tries - 1, 1)));
const AT_ONCE = 64;
/** Of one key: its receivers may take their time, and only its own word waits behind them. */
const AT_ONCE_PER_KEY = 8;
const AFTER_FAULT_MS = 5_000;
/** How long it may take until it shows that the clock was set back. */
const TIMER_MOST_MS = 60_000;
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
 * Invariants: (1) word is forgotten after an answer of 2xx or 410 or the last try, and not before; (2) each delivery is
 * under way once, `AT_ONCE_PER_KEY` of a key and `AT_ONCE` in all; (3) the store is asked one at a time, and again when
 * word came or a delivery ended meanwhile; (4) what is broken off by `stop` counts as no try; (5) no word waits longer for its next
 * try than its tries allow, also where a clock that was ahead has put it off: that is looked at when this one starts, when it
 * was set back, and when it was while a try was written down.
 */
export function deliverWebhooks(ports: WebhookPorts): Webhooks {
  const { store, now, log } = ports;
  const underWay = new Map<number, { apiKeyId: string; over: Promise<void> }>();
  const stopping = new AbortController();
  const { signal } = stopping;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let look: Promise<void> | undefined;
  let again = false;
  let latestAt: number | undefined;

  const begin = (delivery: WebhookDelivery): void => {
    const { seq, apiKeyId } = delivery;
    const over = deliver(delivery, ports, signal)
      .catch((error: unknown) => {
        log.error({ err: error }, 'how a webhook answered could not be written down');
        // It is due still, and would be sent again at once.
        return pause(AFTER_FAULT_MS, undefined, { signal, ref: false }).catch(() => undefined);
      })
      .then(() => {
        underWay.delete(seq);
        wake();
      });
    underWay.set(seq, { apiKeyId, over });
  };
  const fullKeys = (): string[] => {
    const counts = new Map<string, number>();
    for (const { apiKeyId } of underWay.values()) counts.set(apiKeyId, (counts.get(apiKeyId) ?? 0) + 1);
    return [...counts].filter(([, count]) => count >= AT_ONCE_PER_KEY).map(([apiKeyId]) => apiKeyId);
  };
  const recallIfSetBack = async (): Promise<void> => {
    const at = now();
    if (latestAt === undefined || at < latestAt) await store.recallWebhooks(at, LONGEST_WAITS);
    latestAt = at;
  };
  const beginDue = async (): Promise<number | null> => {
    while (!signal.aborted) {
      again = false;
      await recallIfSetBack();
      const room = AT_ONCE - underWay.size;
      if (room <= 0) return null;
      const { due, nextAt } = await store.dueWebhooks(now(), room, {
        seqs: [...underWay.keys()],
        apiKeyIds: fullKeys(),
      });
      if (signal.aborted) return null;
      for (const delivery of due) if (!fullKeys().includes(delivery.apiKeyId)) begin(delivery);
      if (due.length === 0 && !again) return nextAt;
    }
    return null;
  };
  const sleepUntil = (at: number): void => {
    if (signal.aborted) return;
    clearTimeout(timer);
    timer = setTimeout(wake, Math.min(Math.max(0, at - now()), TIMER_MOST_MS)).unref();
  };
  const wake = (): void => {
    again = true;
    if (signal.aborted || look !== undefined) return;
    look = beginDue().then(
      (nextAt) => {
        look = undefined;
        if (again) wake();
        else if (nextAt !== null) sleepUntil(nextAt);
      },
      (error: unknown) => {
        look = undefined;
        log.error({ err: error }, 'webhooks could not be read');
        sleepUntil(now() + AFTER_FAULT_MS);
      },
    );
  };
  wake();
  return {
    wake,
    stop: async () => {
      stopping.abort();
      clearTimeout(timer);
      await look;
      await Promise.all(Array.from(underWay.values(), ({ over }) => over));
    },
  };
}

/** Sends word once, and writes down what came of it. */
async function deliver(
  delivery: WebhookDelivery,
  { store, send, now, random, log }: WebhookPorts,
  signal: AbortSignal,
): Promise<void> {
  const { seq, tries, eventId, apiKeyId } = delivery;
  let reason: string | undefined;
  const status = await send(delivery, Math.floor(now() / 1_000), signal).catch((error: unknown) => {
    reason = error instanceof Error ? error.message : String(error);
    return 0;
  });
  const isGood = status >= 200 && status < 300;
  if (!isGood && signal.aborted) return;
  const isLast = status === GONE || tries + 1 >= MOST_TRIES;
  if (!isGood) {
    // Only where it was not reached has it no status.
    const answer = reason === undefined ? { status } : { reason };
    const told = { key: apiKeyId, event: eventId, ...answer, tries: tries + 1, givenUp: isLast };
    log.warn(told, 'a webhook did not answer well');
  }
  const at = now();
  await store.settleWebhook(seq, isGood || isLast ? null : at + delayOf(tries, random()));
  // The clock was set back meanwhile, and what looked for that may not have seen yet what is written only now.
  if (now() < at) await store.recallWebhooks(now(), LONGEST_WAITS);
}

/** In whole milliseconds. Doubles each time, with up to half of it added, so that many do not come back at once. */
export function delayOf(tries: number, random: number): number {
  return Math.round(Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** tries) * (1 + random / 2));
}
