import type { FastifyReply } from 'fastify';
import type { RelayApp } from '../services.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Milliseconds; see `limitUnread`. */
    unreadMs: number;
  }
}

/** Long enough for a client that was put to sleep on a train, short enough that many of them do not fill the memory. */
const UNREAD_MS = 60_000;

/** How long a reader may take nothing of an answer that is ready before its connection is cut; a minute unless given. */
export function limitUnread(app: RelayApp, unreadMs = UNREAD_MS): void {
  app.decorate('unreadMs', unreadMs);
}

/**
 * Must follow the end of an answer that may be long: what its reader does not take would stay here as long as it keeps
 * its connection. Time that the answer took to be made does not count, nor does a reader that is slow but reads.
 */
export function cutIfUnread({ raw, server }: Pick<FastifyReply, 'raw' | 'server'>): void {
  if (raw.writableLength > 0) raw.setTimeout(server.unreadMs, () => raw.destroy());
}
