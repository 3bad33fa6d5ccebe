import type { FastifyReply } from 'fastify';
import type { JsonInput } from '../../../shared/protocol/messages.ts';

/** Sends what is complete already as server-sent events, for clients that asked for a stream. */
export function sendEvents(reply: FastifyReply, events: readonly ({ type: string } & JsonInput)[]): FastifyReply {
  const lines = events.map((event) => `data: ${JSON.stringify(event)}\n\n`);
  return reply
    .type('text/event-stream; charset=utf-8')
    .header('cache-control', 'no-cache')
    .send(`${lines.join('')}data: [DONE]\n\n`);
}
