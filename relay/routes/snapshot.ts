import { ErrorResponse } from '../../shared/api/errors.ts';
import { SNAPSHOT_FORMAT, Snapshot, type SnapshotNode } from '../../shared/api/snapshot.ts';
import { LIMITS, PROTOCOL_VERSION } from '../../shared/protocol/limits.ts';
import type { LiveNode } from '../fabric/node-table.ts';
import type { RelayApp, RelayServices } from '../services.ts';
import { readHealth } from './health.ts';
import { sendJson } from './send-json.ts';

/** `GET /v1/admin/snapshot`: what an operator keeps, to compare a later state with. */
export function registerSnapshotRoute(app: RelayApp, services: RelayServices): void {
  app.get(
    '/v1/admin/snapshot',
    {
      config: { access: 'admin' },
      schema: {
        summary: 'The whole state of the relay at one moment',
        tags: ['Operations'],
        response: { 200: Snapshot, '4xx': ErrorResponse },
      },
    },
    async (_request, reply) => sendJson(reply, await takeSnapshot(services, Date.now())),
  );
}

async function takeSnapshot(services: RelayServices, now: number): Promise<Snapshot> {
  // Asked before the rest, which is read in one turn of the event loop, so that its parts agree.
  const health = await readHealth(services);
  const finished = await services.store.jobs.countJobsByState();
  const live = services.table.live();
  return {
    format: SNAPSHOT_FORMAT,
    taken_at: new Date(now).toISOString(),
    version: services.version,
    protocol: { version: PROTOCOL_VERSION, limits: { ...LIMITS } },
    health,
    nodes: live.map((node) => describeNode(node, now)),
    node_count: live.length,
    models: services.models.list(),
    served_models: live.flatMap((node) => servedModels(node, now)),
    jobs: { running: services.jobs.running(), waiting: services.scheduler.waiting(), finished },
    config: [...services.settings],
  };
}

function describeNode(node: LiveNode, now: number): SnapshotNode {
  const { id, epoch, instance, slots, reserved, document } = node;
  return { node_id: id, epoch, instance, slots, reserved, age_s: ageOf(node, now), document };
}

function servedModels(node: LiveNode, now: number): Snapshot['served_models'] {
  return node.document.served_models.map((model) => ({ ...model, node: node.id, node_age_s: ageOf(node, now) }));
}

/** Seconds, to a tenth, as the global view gives them. */
function ageOf(node: LiveNode, now: number): number {
  return Math.max(0, Math.round((now - node.heardAt) / 100) / 10);
}
