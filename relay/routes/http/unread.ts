import type { FastifyReply, onSendHookHandler } from 'fastify';
import type { RelayApp } from '../../services.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Milliseconds; see `limitUnread`. */
    unreadMs: number;
  }
}

/** Long enough for a client that was put to sleep on a train, short enough that many of them do not fill the memory. */
const UNREAD_MS = 60_000;

/**
 * How long a reader may take nothing of an answer that is ready before its connection is cut; a minute unless given. What
 * strangers may ask is cut here: pages and models are large, and each that is on its way holds a file.
 */
export function limitUnread(app: RelayApp, unreadMs = UNREAD_MS): void {
  app.decorate('unreadMs', unreadMs);
  const limit: onSendHookHandler = (_request, reply, _payload, done) => {
    cutIfStalled(reply);
    done();
  };
  app.addHook('onRoute', (route) => {
    if (route.config?.access === 'public') route.onSend = [limit, route.onSend ?? []].flat();
  });
}

/** So much must be read in that time, of what there is: in a minute less than the slowest mobile line brings. */
const READ_BYTES = 1024 * 1024;

/**
 * Must follow the end of an answer that may be long: what its reader does not take would stay here as long as it keeps
 * its connection. Time that the answer took to be made does not count.
 */
export function cutIfUnread({ raw, server: { unreadMs } }: Pick<FastifyReply, 'raw' | 'server'>): void {
  if (raw.writableLength === 0) return;
  const cut = (): void => void raw.destroy();
  raw.setTimeout(unreadMs, cut);
  const timer = setTimeout(cut, unreadMs * (1 + raw.writableLength / READ_BYTES)).unref();
  raw.once('close', () => clearTimeout(timer));
}

/** The same of a stream, which is made as it is read: a reader that takes nothing of it holds it, and a connection. */
export function cutIfStalled({ raw, server: { unreadMs } }: Pick<FastifyReply, 'raw' | 'server'>): void {
  raw.setTimeout(unreadMs, () => raw.destroy());
}

/** The same, of which it is known how long it is. */
export function cutIfSlow(reply: Pick<FastifyReply, 'raw' | 'server'>, bytes: number): void {
  const { raw, server } = reply;
  cutIfStalled(reply);
  const timer = setTimeout(() => raw.destroy(), server.unreadMs * (1 + bytes / READ_BYTES)).unref();
  raw.once('close', () => clearTimeout(timer));
}
