import type { IncomingHttpHeaders } from 'node:http';
import { Problem } from '../../shared/problems/problem.ts';
import { ADMIN, type Principal } from './api-keys.ts';
import { type OperatorSession, type OperatorSessions, SESSION_LIFETIME_MS } from './operator-sessions.ts';

/** The cookie in which a browser keeps the operator's session. */
export type SessionCookie = {
  /** The secret in it, if there is one; of several that of a session. */
  secretIn(headers: IncomingHttpHeaders): string | undefined;
  /** Says who asks; undefined without a cookie of this relay. Errors: `invalid_api_key`, `origin_refused`. */
  authenticate(method: string, headers: IncomingHttpHeaders): Visit | undefined;
  /** The header that hands the cookie over. */
  set(secret: string, isSecure: boolean): string;
  /** The header that takes it away. */
  clear(): string;
};

export type SessionCookieOptions = {
  sessions: OperatorSessions;
  /** The key of this relay, by which its cookie is told from that of another. */
  relayKey: string;
  /** Where the relay is reached, as its operator says. */
  publicUrl?: string | undefined;
};

export type Visit = { principal: Principal; session: OperatorSession };

/** Nothing but the API is ever sent it. */
const PATH = '/v1';
const READING = new Set(['GET', 'HEAD']);

/**
 * Cookies are shared by all ports of a host, so that the name tells this relay's from another's.
 *
 * Browsers send the cookie whoever's page asks from the same site, and all of localhost is one: what changes something
 * must come from a page of the very same origin, which browsers name with everything that is not GET.
 */
export function createSessionCookie(options: SessionCookieOptions): SessionCookie {
  const { sessions, relayKey, publicUrl } = options;
  const name = `sparewatt-session-${relayKey.slice(-12).toLowerCase()}`;
  const pattern = new RegExp(`(?:^|;\\s*)${name}=([\\w-]{1,128})(?=;|$)`, 'g');
  // Whoever serves another port of this host can put a cookie of the same name in front, for a longer path.
  const secretIn = ({ cookie = '' }: IncomingHttpHeaders): string | undefined => {
    const secrets = Array.from(cookie.matchAll(pattern), ([, secret = '']) => secret);
    return secrets.find((secret) => sessions.find(secret) !== undefined) ?? secrets[0];
  };
  return {
    secretIn,
    authenticate: (method, headers) => {
      const secret = secretIn(headers);
      if (secret === undefined) return undefined;
      const session = sessions.find(secret);
      if (session === undefined) throw new Problem('invalid_api_key', 'The session has ended. Sign in again.');
      if (!READING.has(method)) assertSameOrigin(headers, publicUrl);
      return { principal: ADMIN, session };
    },
    set: (secret, isSecure) =>
      `${name}=${secret}; Path=${PATH}; HttpOnly; SameSite=Strict; Max-Age=${SESSION_LIFETIME_MS / 1_000}` +
      (isSecure ? '; Secure' : ''),
    clear: () => `${name}=; Path=${PATH}; HttpOnly; SameSite=Strict; Max-Age=0`,
  };
}

/** Behind a proxy that rewrites `Host`, the operator has said where the relay is. Errors: `origin_refused`. */
function assertSameOrigin({ origin, host }: IncomingHttpHeaders, publicUrl: string | undefined): void {
  const asked = origin === undefined ? null : URL.parse(origin);
  if (asked !== null && (asked.host === host || asked.origin === (publicUrl && URL.parse(publicUrl)?.origin))) return;
  throw new Problem(
    'origin_refused',
    'A session counts only for pages of the relay itself. Programs send the admin token as a bearer.',
  );
}
