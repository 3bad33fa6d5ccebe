import type { FastifyReply } from 'fastify';
import { holdAnswer } from '../../access/held-bytes.ts';
import { cutIfUnread } from './unread.ts';

/** Sends a value that was built here and needs no schema to be serialised. */
export function sendJson(to: unknown, value: unknown): FastifyReply {
  return sendJsonText(to, JSON.stringify(value));
}

/** The same of what is JSON already, and may be large. Errors of both: `queue_full` while its key reads too many such answers. */
export function sendJsonText(to: unknown, text: string): FastifyReply {
  const reply = to as FastifyReply;
  holdAnswer(reply, text.length);
  reply.type('application/json; charset=utf-8').send(text);
  cutIfUnread(reply);
  return reply;
}

/**
 * The same with status 200, past the framework, whose list of headers takes three times as long to fill as one that is
 * written down in one piece.
 */
export function sendAnswer(
  reply: FastifyReply,
  headers: Readonly<Record<string, string>>,
  value: unknown,
): FastifyReply {
  return sendAnswerText(reply, headers, JSON.stringify(value));
}

/** The same of what is JSON already. */
export function sendAnswerText(
  reply: FastifyReply,
  headers: Readonly<Record<string, string>>,
  body: string,
): FastifyReply {
  reply.hijack();
  reply.raw.writeHead(200, {
    'x-request-id': reply.request.id,
    ...headers,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  reply.raw.end(body);
  cutIfUnread(reply);
  return reply;
}
