import type { FastifyReply, FastifyRequest } from 'fastify';
import { KEY_SCOPES } from '../../../shared/api/keys.ts';
import type { RelayApp } from '../../services.ts';
import type { RouteTable } from './route-table.ts';

/** How long a browser need not ask again, in seconds. */
const MAX_AGE_S = 600;
const HEADER_NAMES = /^[\w-]{1,64}( *, *[\w-]{1,64}){0,63}$/;
const EVERYBODY = '*';
const ASKED_METHOD = 'access-control-request-method';

/**
 * Lets pages of these origins read the answers of routes that want an API key, which a page must know to be answered. Nothing of
 * what the operator, nodes or machines trusted by their address may do: there no page has a key to show. Cookies are never
 * allowed, so that a session of the console is of no use to another page.
 */
export function allowOrigins(app: RelayApp, origins: readonly string[], routes: RouteTable): void {
  if (origins.length === 0) return;
  const known = new Set(origins);
  app.addHook('onRequest', (request, reply, done) => {
    // Past the framework's list of headers, which answers that are written by hand do not pass through.
    const { raw } = reply;
    if (!known.has(EVERYBODY)) raw.setHeader('vary', 'origin');
    const { origin } = request.headers;
    if (origin !== undefined && (known.has(EVERYBODY) || known.has(origin)) && isForKeys(request, routes)) {
      raw.setHeader('access-control-allow-origin', known.has(EVERYBODY) ? EVERYBODY : origin);
      raw.setHeader('access-control-expose-headers', '*');
      if (request.method === 'OPTIONS') allowRequest(request, reply);
    }
    done();
  });
}

/** Whether a request, or that which a browser asks about, is for whoever has an API key. */
function isForKeys({ url, method, headers, routeOptions }: FastifyRequest, routes: RouteTable): boolean {
  const asked = headers[ASKED_METHOD];
  const isAsked = method === 'OPTIONS' && asked !== undefined;
  const classes: readonly unknown[] = isAsked
    ? routes.accessAt(url.split('?', 1)[0] ?? '', asked)
    : [routeOptions.config?.access];
  return classes.some((access) => (KEY_SCOPES as readonly unknown[]).includes(access));
}

/** What a browser asks before it sends a request that no form could have sent. */
function allowRequest({ headers }: FastifyRequest, { raw }: FastifyReply): void {
  raw.setHeader('access-control-allow-methods', headers[ASKED_METHOD] ?? '');
  raw.setHeader('access-control-max-age', MAX_AGE_S);
  const wanted = headers['access-control-request-headers'];
  // The star does not stand for Authorization.
  if (wanted !== undefined && HEADER_NAMES.test(wanted)) raw.setHeader('access-control-allow-headers', wanted);
}
