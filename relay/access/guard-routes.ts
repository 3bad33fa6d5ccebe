import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest, preParsingHookHandler } from 'fastify';
import type { RelayApp } from '../services.ts';
import { assertScope, type Principal } from './api-keys.ts';
import { createHeldBytes, holdBody } from './held-bytes.ts';
import type { KeyGuard } from './key-guard.ts';
import type { SessionCookie } from './session-cookie.ts';
import type { SignatureGuard } from './signature-guard.ts';
import { checkSignedBodies, type OwedDigests } from './signed-body.ts';

type Guards = { keys: KeyGuard; sessionCookie: SessionCookie; signatures: SignatureGuard };

/**
 * What is read of those who have shown nothing yet: some times more than a node that pairs has to say. Bodies are held in
 * memory until they are whole, and connections cost a stranger nothing.
 */
const MOST_STRANGER_BYTES = 64 * 1024;
/** Long enough for that on any line. */
const STRANGER_MS = 30_000;

type GuardLimits = { strangerMs?: number | undefined; mostHeldBytes?: number | undefined };

/** Refuses at start any route that does not say who may call it, and at run time anyone who may not. */
export function guardRoutes(app: RelayApp, services: Guards, { strangerMs = STRANGER_MS, mostHeldBytes }: GuardLimits) {
  app.decorate('heldBytes', createHeldBytes(mostHeldBytes));
  const owed: OwedDigests = new WeakMap();
  app.decorateRequest('principal');
  app.decorateRequest('answer');
  app.addHook('onRoute', function limitBody(route) {
    const access = route.config?.access;
    if (access === undefined) throw new Error(`route ${route.method} ${route.url} has no access class`);
    // A route that looks by itself who asks has done that before a body is read.
    const isStrangers = access === 'public' && route.onRequest === undefined;
    if (isStrangers) route.bodyLimit ??= MOST_STRANGER_BYTES;
    // Who reads something else into memory than JSON counts it, too.
    else if (!this.hasContentTypeParser('application/json')) return;
    const limit: preParsingHookHandler = (request, _reply, _payload, done) => {
      if (isStrangers) cutIfSlow(request.raw, strangerMs);
      else holdBody(request, request.routeOptions.bodyLimit);
      done();
    };
    route.preParsing = [limit, route.preParsing ?? []].flat();
  });
  // A key that is known is let in within the turn: waiting for a promise costs more than everything else here.
  app.addHook('onRequest', (request, reply, done) => {
    let admission: Promise<void> | undefined;
    try {
      admission = admit(request, reply, services, owed);
    } catch (error) {
      return done(error as Error);
    }
    if (admission === undefined) done();
    else admission.then(() => done(), done);
  });
  checkSignedBodies(app, owed);
}

/** The framework waits for a body as long as its connection lasts. */
function cutIfSlow(request: IncomingMessage, withinMs: number): void {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  if (length === undefined && coding === undefined) return;
  const timer = setTimeout(() => request.destroy(), withinMs).unref();
  for (const event of ['end', 'close']) request.once(event, () => clearTimeout(timer));
}

/** Throws or rejects for those who may not come in. */
function admit(
  request: FastifyRequest,
  reply: FastifyReply,
  { keys, sessionCookie, signatures }: Guards,
  owed: OwedDigests,
): Promise<void> | undefined {
  const { access } = request.routeOptions.config;
  if (access === undefined || access === 'public' || access === 'attempt') return undefined;
  const { authorization, 'x-api-key': apiKey } = request.headers;
  const enter = (principal: Principal): void => {
    request.principal = principal;
    request.answer = reply.raw;
    assertScope(principal, access);
    const { mustSign } = principal;
    if (mustSign === undefined) return;
    const { method, url: target, headers } = request;
    owed.set(request, signatures.admit({ method, target, headers }, mustSign));
  };
  // A key that is sent counts for more than what the browser adds by itself.
  if (authorization === undefined && apiKey === undefined) {
    const visit = sessionCookie.authenticate(request.method, request.headers);
    if (visit !== undefined) return void enter(visit.principal);
  }
  const principal = keys.authenticate(authorization, apiKey);
  return principal instanceof Promise ? principal.then(enter) : void enter(principal);
}
