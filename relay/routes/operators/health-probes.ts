import { Liveness, Readiness } from '../../../shared/api/health.ts';
import type { LifePhase } from '../../lifecycle.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { readTroubles } from './health.ts';

const NOT_SERVING: Record<Exclude<LifePhase, 'serving'>, string> = {
  starting: 'The relay is starting.',
  draining: 'The relay is shutting down.',
};

/**
 * For whoever watches over the process and whoever sends it clients. Both answer while the relay drains, when everything
 * else is refused; a relay that is not ready is to be left alone, one that is not alive to be started anew. The short
 * paths are those that Kubernetes, charts and watchers of uptime ask by habit.
 */
export function registerHealthProbes(app: RelayApp, services: RelayServices): void {
  const config = { access: 'public', answersWhileClosing: true } as const;
  const tags = ['Operations'];
  for (const url of ['/v1/health/live', '/healthz']) {
    app.get(
      url,
      { config, schema: { summary: 'Whether the process answers at all', tags, response: { 200: Liveness } } },
      async (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'alive' }),
    );
  }
  for (const url of ['/v1/health/ready', '/readyz']) {
    app.get(
      url,
      {
        config,
        schema: {
          summary: 'Whether clients may be sent here now; 503 with the reasons while they may not',
          tags,
          response: { 200: Readiness, 503: Readiness },
        },
      },
      async (_request, reply) => {
        const readiness = await readReadiness(services);
        return reply
          .code(readiness.status === 'ready' ? 200 : 503)
          .header('cache-control', 'no-store')
          .send(readiness);
      },
    );
  }
}

async function readReadiness(services: RelayServices): Promise<Readiness> {
  const phase = services.lifecycle.phase();
  // The store may be closed by now, and there is nothing to ask it.
  const reasons = phase === 'serving' ? await readTroubles(services) : [NOT_SERVING[phase]];
  return { status: reasons.length === 0 ? 'ready' : 'not_ready', phase, reasons };
}
