import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** More than any client sends before it reads an answer: those that do so at all have some under way. */
export const MOST_WAITING = 100;

/**
 * Serves what comes on one connection one after the other, as the answers must leave (RFC 9112, 9.3.2); must precede all else that is
 * done for a request. Node begins all at once that it finds in the bytes of a connection, a thousand small ones, and holds
 * every answer until those before it have left; it tells nobody that the client of an answer that waits so has gone.
 *
 * Invariants: (1) of a connection one request is served at a time; (2) what waits when it closes is never begun; (3) a
 * connection with more than `MOST_WAITING` of them is cut.
 */
export function serveInOrder(app: Pick<FastifyInstance, 'addHook'>): void {
  const waiting = new WeakMap<Socket, number>();
  app.addHook('onRequest', ({ raw: { socket } }, { raw }, done) => {
    // An answer has the socket once it is its turn.
    if (raw.socket !== null) return done();
    // Behind one request too many, in the same bytes.
    if (socket.destroyed) return;
    const count = (waiting.get(socket) ?? 0) + 1;
    waiting.set(socket, count);
    if (count > MOST_WAITING) {
      socket.destroy();
      return;
    }
    raw.once('socket', () => {
      waiting.set(socket, (waiting.get(socket) ?? 1) - 1);
      done();
    });
  });
}
