import type { Snapshot } from '../../shared/api/snapshot.ts';
import { LIMITS, PROTOCOL_VERSION } from '../../shared/protocol/limits.ts';
import { documentFor } from './nodes/live-nodes.ts';

/** The snapshot of a relay with these nodes, each with the models it serves. */
export function snapshotOf(nodes: Record<string, string[]>): Snapshot {
  const entries = Object.entries(nodes);
  const names = [...new Set(Object.values(nodes).flat())];
  return {
    format: 1,
    taken_at: '2026-01-01T00:00:00.000Z',
    version: '1.0.0',
    protocol: { version: PROTOCOL_VERSION, limits: { ...LIMITS } },
    health: {
      status: 'ok',
      reasons: [],
      version: '1.0.0',
      uptime_s: 1,
      nodes: entries.length,
      models: names.length,
      jobs: { running: 0, waiting: 0 },
    },
    nodes: entries.map(([id, models]) => ({
      node_id: id,
      epoch: 1,
      instance: 'instance-1',
      slots: 1,
      reserved: 0,
      age_s: 0,
      standing: { state: 'active', reason: null, since: null, labels: {}, trust: 'local' },
      document: documentFor(id, models),
    })),
    node_count: entries.length,
    models: names.map((id) => ({
      id,
      object: 'model',
      created: 0,
      owned_by: 'test',
      status: 'warm',
      nodes: 1,
      capabilities: ['llm'],
      context_length: 1,
    })),
    served_models: entries.flatMap(([node, models]) =>
      models.map((name) => ({ name, type: 'llm', node, node_age_s: 0 })),
    ),
    jobs: { running: 0, waiting: 0, finished: { succeeded: 0, failed: 0, cancelled: 0 } },
    config: [],
  };
}
