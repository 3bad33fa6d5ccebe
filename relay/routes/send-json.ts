import type { FastifyReply } from 'fastify';

/** Sends a value that was built here and needs no schema to be serialised. */
export function sendJson(reply: unknown, value: unknown): FastifyReply {
  return (reply as FastifyReply).type('application/json; charset=utf-8').send(JSON.stringify(value));
}
