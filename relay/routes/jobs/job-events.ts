import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { JobEvent } from '../../../shared/api/jobs.ts';
import { hasEnded } from '../../jobs/queue/job-state.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import type { JobChange } from '../../store/queued-job-store.ts';
import { watchHangUps } from '../http/hang-up.ts';
import { changesOf, eventOf, findOwnJob } from './job-views.ts';

const IdParams = Type.Object({ id: Type.String({ maxLength: 64 }) });
/** Proxies cut connections that say nothing for a minute. */
const COMMENT_EVERY_MS = 15_000;

/** For the documentation alone. */
const EVENTS = {
  description:
    'Server-sent events, one for each change of state, until the job has ended. Their ids go up by one: a client that ' +
    'comes back with `Last-Event-ID` gets what it has missed, and 204 when there is no more to come. While the job ' +
    'waits, comments such as `: queued 7` tell how many jobs wait for a node.',
  content: { 'text/event-stream': { schema: JobEvent } },
};

/** `GET /v1/jobs/{id}/events`. */
export function registerJobEvents(app: RelayApp, services: RelayServices): void {
  const hangUpOf = watchHangUps(app);
  app.route({
    method: 'GET',
    url: '/v1/jobs/:id/events',
    exposeHeadRoute: false,
    config: { access: 'jobs' },
    schema: {
      summary: 'Follow a job',
      tags: ['Jobs'],
      params: IdParams,
      response: { 200: EVENTS },
    },
    handler: async (request, reply) => {
      const { id } = request.params as { id: string };
      const hangUp = hangUpOf(reply.raw);
      try {
        return await follow(id, request, reply, hangUp.controller.signal, services);
      } finally {
        hangUp.stop();
      }
    },
  });
}

/**
 * Invariants: (1) it listens before it reads what has happened, and sends each change once, in order: none is missed
 * or doubled between the two; (2) the stream ends after the event that ends the job, when the client goes, and when
 * the relay closes; whatever it held is let go then.
 */
async function follow(
  id: string,
  request: FastifyRequest,
  reply: FastifyReply,
  signal: AbortSignal,
  services: RelayServices,
): Promise<FastifyReply> {
  const { queue, jobs } = services;
  const { promise: over, resolve: finish } = Promise.withResolvers<void>();
  const early: JobChange[] = [];
  let tell = (change: JobChange): void => void early.push(change);
  const stop = queue.watch(id, (change) => tell(change));
  const written = jobs.whenWritten(id);
  const read = async (): Promise<readonly JobChange[]> => changesOf(await findOwnJob(id, request.principal, services));
  try {
    const changes = await read();
    const newest = changes.at(-1);
    let last = lastSeen(request, newest?.seq ?? 0);
    if (newest !== undefined && newest.seq <= last && hasEnded(newest.state)) return reply.code(204).send();
    const { raw } = reply;
    beginStream(reply);
    const send = (change: JobChange): void => {
      if (change.seq <= last || raw.writableEnded) return;
      last = change.seq;
      raw.write(`id: ${change.seq}\nevent: state\ndata: ${JSON.stringify(eventOf(id, change))}\n\n`);
      isWaiting = change.state === 'queued';
      if (hasEnded(change.state)) finish();
    };
    let isWaiting = false;
    for (const change of [...changes, ...early]) send(change);
    tell = send;
    // A job that its client waits for tells its end alone.
    void written?.then(read).then((made) => made.forEach(send), finish);
    const comment = (): void => {
      if (!raw.writableNeedDrain) raw.write(isWaiting ? `: queued ${queue.waiting()}\n\n` : ': alive\n\n');
    };
    if (isWaiting) comment();
    const timer = setInterval(comment, COMMENT_EVERY_MS);
    if (signal.aborted) finish();
    signal.addEventListener('abort', () => finish(), { once: true });
    await over;
    clearInterval(timer);
    raw.end();
    return reply;
  } finally {
    stop();
  }
}

function beginStream(reply: FastifyReply): void {
  reply.hijack();
  reply.raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'x-request-id': reply.request.id,
  });
  reply.raw.write('retry: 1000\n\n');
}

/** What the job has not come to yet is no event of it, or one from before an older backup was put back: all is told anew. */
function lastSeen({ headers }: FastifyRequest, newest: number): number {
  const last = headers['last-event-id'];
  const seq = typeof last === 'string' && /^\d{1,16}$/.test(last) ? Number(last) : 0;
  return seq <= newest ? seq : 0;
}
