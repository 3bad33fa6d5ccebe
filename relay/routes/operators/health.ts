import { Health } from '../../../shared/api/health.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { troublesOf } from '../../troubles.ts';

export function registerHealthRoute(app: RelayApp, services: RelayServices): void {
  app.get(
    '/v1/health',
    {
      config: { access: 'public' },
      schema: { summary: 'Whether the relay can work, and why not', tags: ['Operations'], response: { 200: Health } },
    },
    () => readHealth(services),
  );
}

/** Whether the relay can work now, and why not. */
export async function readHealth(services: RelayServices): Promise<Health> {
  const reasons = await readTroubles(services);
  return {
    status: reasons.length === 0 ? ('ok' as const) : ('degraded' as const),
    reasons,
    version: services.version,
    uptime_s: Math.round(process.uptime()),
    nodes: services.table.live().length,
    models: services.models.list().length,
    jobs: services.countJobs(),
  };
}

/** What keeps the relay from its work now, each a sentence; tries a write. */
export async function readTroubles({
  bus,
  storageHealth,
}: Pick<RelayServices, 'bus' | 'storageHealth'>): Promise<string[]> {
  return troublesOf(bus.isConnected(), await storageHealth());
}
