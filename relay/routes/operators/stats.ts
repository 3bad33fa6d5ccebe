import { LiveMessage } from '../../../shared/api/live.ts';
import { AdminStats } from '../../../shared/api/stats.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { codeOf } from '../http/errors.ts';
import { sendJson } from '../http/send-json.ts';

/** Where operators watch. */
export const LIVE_PATH = '/v1/ws';

/** For the documentation alone: the upgrade itself passes the framework by (`relay/live/live-door.ts`). */
const MESSAGES = {
  description:
    'Over a WebSocket: messages as JSON, at most two a second. The first is a `reset` with everything, or, when `after` is ' +
    'the cursor of a message that was received a moment ago, what came since. Nothing is read from the client. Closed with ' +
    '4401 when the session has ended, and with 4408 when the client reads too slowly.',
  content: { 'application/json': { schema: LiveMessage } },
};

/** The relay in numbers, once and as they change. */
export function registerStatsRoutes(app: RelayApp, services: RelayServices): void {
  app.addHook('onError', (_request, _reply, error, done) => {
    services.activity?.requestRefused(codeOf(error));
    done();
  });
  app.get(
    '/v1/admin/stats',
    {
      config: { access: 'admin' },
      schema: {
        summary: 'The relay in numbers',
        tags: ['Operations'],
        response: { 200: AdminStats },
      },
    },
    async (_request, reply) => sendJson(reply, await services.readStats()),
  );
  app.get(
    LIVE_PATH,
    {
      config: { access: 'admin' },
      schema: {
        summary: 'Nodes, jobs and numbers as they change, over a WebSocket',
        tags: ['Operations'],
        response: { 200: MESSAGES },
      },
    },
    async () => {
      throw new Problem('invalid_value', `Open ${LIVE_PATH} as a WebSocket: wss:// with the admin token as bearer.`);
    },
  );
}
