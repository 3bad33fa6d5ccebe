import type { FastifyRequest } from 'fastify';
import { OperatorSession, SessionRequest } from '../../../shared/api/admin-session.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { assertScope } from '../../access/api-keys.ts';
import { createAttemptLimit } from '../../pairing/attempt-limit.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { assertOwnPage } from '../http/assert-own-page.ts';
import { sendJson } from '../http/send-json.ts';
import { addressOf } from '../nodes/caller.ts';

/** Slips are forgiven, a token of 256 bits is not guessed at any rate; this keeps the log and the processor quiet. */
const WRONG_TOKENS = { perAddress: { capacity: 10, refillMs: 6_000 }, overall: { capacity: 100, refillMs: 1_000 } };

/** How an operator signs in to the console and out of it: the admin token once, a cookie from then on. */
export function registerAdminSessionRoutes(app: RelayApp, services: RelayServices): void {
  const wrongTokens = createAttemptLimit({ ...WRONG_TOKENS, now: Date.now });
  const schema = { tags: ['Administration'], response: { 200: OperatorSession } };

  app.post(
    '/v1/admin/session',
    {
      config: { access: 'public' },
      schema: { ...schema, summary: 'Sign in with the admin token; the answer sets a cookie', body: SessionRequest },
    },
    async (request, reply) => {
      assertOwnPage(request.headers, services.publicUrl);
      const address = addressOf(request);
      wrongTokens.assertMayTry(address);
      try {
        await assertAdmin(request.body.token, services);
      } catch (error) {
        wrongTokens.count(address);
        throw error;
      }
      const { secret, expiresAt } = services.operatorSessions.open();
      services.log.info({ from: address }, 'an operator has signed in');
      reply.header('set-cookie', services.sessionCookie.set(secret, isSecure(request)));
      return sendJson(reply.header('cache-control', 'no-store'), { expires_at: expiresAt });
    },
  );
  const current = ({ headers }: FastifyRequest): OperatorSession => {
    const session = services.operatorSessions.find(services.sessionCookie.secretIn(headers) ?? '');
    return { expires_at: session?.expiresAt ?? null };
  };
  app.get(
    '/v1/admin/session',
    // Whoever has none is told so: a page that asks first is no guess, and not to be counted as one.
    { config: { access: 'public' }, schema: { ...schema, summary: 'Until when the session of this browser lasts' } },
    async (request, reply) => sendJson(reply.header('cache-control', 'no-store'), current(request)),
  );
  app.delete(
    '/v1/admin/session',
    { config: { access: 'admin' }, schema: { ...schema, summary: 'Sign out' } },
    async (request, reply) => {
      const ended = current(request);
      services.operatorSessions.end(services.sessionCookie.secretIn(request.headers) ?? '');
      return sendJson(reply.header('set-cookie', services.sessionCookie.clear()), ended);
    },
  );
}

async function assertAdmin(token: string, { keys }: RelayServices): Promise<void> {
  try {
    assertScope(await keys.authenticate(undefined, token), 'admin');
  } catch (error) {
    if (!(error instanceof Problem) || error.status >= 500) throw error;
    throw new Problem(
      'invalid_api_key',
      'This is not the admin token of the relay. "sparewatt relay" prints it when it starts.',
      { param: 'token' },
    );
  }
}

/** A page of an https address says so, also where a proxy has taken the TLS off; a page of http would lose the cookie. */
function isSecure({ protocol, headers }: FastifyRequest): boolean {
  return headers.origin === undefined ? protocol === 'https' : headers.origin.startsWith('https:');
}
