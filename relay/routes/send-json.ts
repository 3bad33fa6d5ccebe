import type { FastifyReply } from 'fastify';
import { cutIfUnread } from './unread.ts';

/** Sends a value that was built here and needs no schema to be serialised. */
export function sendJson(to: unknown, value: unknown): FastifyReply {
  const reply = to as FastifyReply;
  reply.type('application/json; charset=utf-8').send(JSON.stringify(value));
  cutIfUnread(reply);
  return reply;
}
