import { createHash } from 'node:crypto';
import { pipeline, type Readable, Transform } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import type { RelayApp } from '../services.ts';
import { bodyAltered } from './signature-guard.ts';

export type OwedDigests = WeakMap<FastifyRequest, string>;

/**
 * Compares the raw body of a signed request with its digest while it is read, before any parser has made something of it;
 * one that differs ends in `body_altered` instead of its end. Costs other requests one look.
 */
export function checkSignedBodies(app: RelayApp, owed: OwedDigests): void {
  app.addHook('preParsing', (request, _reply, payload, done) => {
    if (request.principal?.mustSign === undefined) return done();
    const digest = owed.get(request);
    // Without a digest nobody has looked at the signature.
    if (digest === undefined) return done(bodyAltered());
    // The framework leaves these bodies alone, and nothing that nobody reads can do harm.
    if (request.method === 'GET' || request.method === 'HEAD') return done();
    done(null, checked(payload as Readable, digest));
  });
}

function checked(body: Readable, digest: string): Readable {
  const hasher = createHash('sha256');
  const check = new Transform({
    transform: (chunk: Buffer, _encoding, passOn) => {
      hasher.update(chunk);
      passOn(null, chunk);
    },
    flush: (end) => end(hasher.digest('hex') === digest ? null : bodyAltered()),
  });
  // What went wrong is told by whoever reads the check.
  pipeline(body, check, () => undefined);
  return check;
}
