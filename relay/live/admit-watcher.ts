import type { IncomingMessage } from 'node:http';
import { assertScope } from '../access/api-keys.ts';
import type { OperatorSession } from '../access/operator-sessions.ts';
import { assertOwnPage } from '../routes/http/assert-own-page.ts';
import type { RelayServices } from '../services.ts';

type Guards = Pick<RelayServices, 'keys' | 'sessionCookie' | 'publicUrl'>;

/**
 * Who may watch: an operator's session from a page of this very origin, or a program with the admin token.
 * Rejects with `invalid_api_key`, `insufficient_scope`, `origin_refused`.
 */
export async function admitWatcher(
  { headers }: IncomingMessage,
  { keys, sessionCookie, publicUrl }: Guards,
): Promise<OperatorSession | undefined> {
  const { authorization, 'x-api-key': apiKey } = headers;
  if (authorization === undefined && apiKey === undefined) {
    // Browsers send cookies with every WebSocket, whoever's page opens it: as strict as with what changes something.
    const visit = sessionCookie.authenticate('UPGRADE', headers);
    if (visit !== undefined) return visit.session;
  }
  assertOwnPage(headers, publicUrl);
  assertScope(await keys.authenticate(authorization, apiKey), 'admin');
  return undefined;
}
