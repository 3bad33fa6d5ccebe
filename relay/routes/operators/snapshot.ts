import { SNAPSHOT_FORMAT, Snapshot, type SnapshotNode } from '../../../shared/api/snapshot.ts';
import type { CapabilityDocument } from '../../../shared/protocol/capabilities.ts';
import { LIMITS, PROTOCOL_VERSION } from '../../../shared/protocol/limits.ts';
import type { LiveNode } from '../../fabric/nodes/node-table.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { sendPieces } from '../http/json-pieces.ts';
import { readHealth } from './health.ts';

/** `GET /v1/admin/snapshot`: what an operator keeps, to compare a later state with. */
export function registerSnapshotRoute(app: RelayApp, services: RelayServices): void {
  app.get(
    '/v1/admin/snapshot',
    {
      config: { access: 'admin' },
      schema: {
        summary: 'The whole state of the relay at one moment',
        tags: ['Operations'],
        response: { 200: Snapshot },
      },
    },
    async (_request, reply) => sendPieces(reply, await takeSnapshot(services, Date.now())),
  );
}

/** A snapshot whose long lists are made while they are written. */
type SnapshotPieces = Omit<Snapshot, 'nodes' | 'served_models'> & {
  nodes: readonly SnapshotNode[];
  served_models: Iterable<Snapshot['served_models'][number]>;
};

async function takeSnapshot(services: RelayServices, now: number): Promise<SnapshotPieces> {
  // Asked before the rest, which is read in one turn of the event loop, so that its parts agree.
  const health = await readHealth(services);
  const finished = await services.store.jobs.countJobsByState();
  const nodes = services.table.live().map((node) => describeNode(node, now));
  return {
    format: SNAPSHOT_FORMAT,
    taken_at: new Date(now).toISOString(),
    version: services.version,
    protocol: { version: PROTOCOL_VERSION, limits: { ...LIMITS } },
    health,
    nodes,
    node_count: nodes.length,
    models: services.models.list(),
    served_models: servedModels(nodes),
    jobs: { ...services.countJobs(), finished },
    config: [...services.settings],
  };
}

/** Documents and standings are never changed, only replaced, so that these are still of this moment when they are written. */
function describeNode(node: LiveNode, now: number): SnapshotNode {
  const { id, epoch, instance, slots, used, reserved, standing, document } = node;
  return { node_id: id, epoch, instance, slots, used, reserved, age_s: ageOf(node, now), standing, document };
}

function* servedModels(nodes: readonly SnapshotNode[]): Iterable<Snapshot['served_models'][number]> {
  for (const { node_id: node, age_s: node_age_s, document } of nodes) {
    for (const model of (document as CapabilityDocument).served_models) yield { ...model, node, node_age_s };
  }
}

/** Seconds, to a tenth, as the global view gives them. */
function ageOf(node: LiveNode, now: number): number {
  return Math.max(0, Math.round((now - node.heardAt) / 100) / 10);
}
