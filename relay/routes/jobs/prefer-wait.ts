import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { JobQueue } from '../../jobs/queue/job-queue.ts';
import type { RelayApp } from '../../services.ts';
import type { JobEnding } from '../../store/queued-job-store.ts';
import { watchHangUps } from '../http/hang-up.ts';

/** Shorter than the minute after which proxies cut connections that say nothing. */
const MOST_S = 50;
/** The preference `wait` of RFC 7240, among others or alone. */
const WAIT = /(?:^|,)\s*wait\s*=\s*"?(\d{1,9})"?\s*(?=$|[,;])/i;

/** For the documentation: what it says otherwise, and every other preference, is passed over. */
export const PreferHeader = Type.Object({
  prefer: Type.Optional(
    Type.String({
      description: '`wait=SECONDS` (RFC 7240) holds the answer back for the end of the job, 50 s at most',
    }),
  ),
});

/** How long the client wants its answer held back for the end of the job, in whole seconds; 0 without such a wish. */
export function readWaitS({ headers: { prefer } }: FastifyRequest): number {
  if (prefer === undefined) return 0;
  const seconds = WAIT.exec(Array.isArray(prefer) ? prefer.join(',') : prefer)?.[1];
  return seconds === undefined ? 0 : Math.min(MOST_S, Number(seconds));
}

/** Resolves with the end of a job of the queue; with undefined when it takes longer, or when nobody waits any more. */
type AwaitEnd = (id: string, waitS: number, reply: FastifyReply) => Promise<JobEnding | undefined>;

/** The waits of one kind of answer; they end when the relay closes, for the job goes on with the next one. */
export function createEndWaits(app: RelayApp, queue: Pick<JobQueue, 'whenEnded'>): AwaitEnd {
  const hangUpOf = watchHangUps(app);
  return async (id, waitS, reply) => {
    const ended = queue.whenEnded(id);
    if (ended === undefined) return undefined;
    const hangUp = hangUpOf(reply.raw);
    const { signal } = hangUp.controller;
    return new Promise((resolve, reject) => {
      const giveUp = (): void => finish(undefined);
      const timer = setTimeout(giveUp, waitS * 1_000);
      const finish = (ending: JobEnding | undefined): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', giveUp);
        hangUp.stop();
        resolve(ending);
      };
      ended.then(finish, reject);
      if (signal.aborted) giveUp();
      else signal.addEventListener('abort', giveUp);
    });
  };
}
