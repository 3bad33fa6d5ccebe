import type { IncomingMessage } from 'node:http';
import { newId } from '../../jobs/id.ts';
import type { RelayApp } from '../../services.ts';

const VALID = /^[A-Za-z0-9._-]{1,128}$/;

/** The client's own id when it is one, else a new one: it is written into logs and headers as it is. */
export function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && VALID.test(given) ? given : newId('req');
}

export function registerRequestId(app: RelayApp): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
}
