import { Type } from 'typebox';
import type { RelayApp, RelayServices } from '../../services.ts';
import { codeOf } from '../http/errors.ts';

/** For Prometheus, which sends the admin token as its bearer: models and the health of nodes are nobody else's. */
export function registerMetricsRoute(app: RelayApp, { metrics }: Pick<RelayServices, 'metrics'>): void {
  app.addHook('onError', (_request, _reply, error, done) => {
    metrics.requestRefused(codeOf(error));
    done();
  });
  app.get(
    '/metrics',
    {
      config: { access: 'admin' },
      schema: {
        summary: "The relay's metrics in Prometheus' text format",
        tags: ['Operations'],
        response: {
          200: { description: 'Metrics', content: { 'text/plain': { schema: Type.String() } } },
        },
      },
    },
    async (_request, reply) => {
      reply.type(metrics.contentType);
      return metrics.text();
    },
  );
}
