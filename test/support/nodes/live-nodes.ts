import type { Admission } from '../../../relay/fabric/nodes/node-table.ts';
import type { CapabilityDocument, ServedModel } from '../../../shared/protocol/capabilities.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { pretendedModel } from '../models/pretended-model.ts';

export function documentFor(
  nodeId: string,
  models: (string | ServedModel)[] = [],
  more: Partial<CapabilityDocument> = {},
): CapabilityDocument {
  return {
    node_id: nodeId,
    protocol: 1,
    version: '0.0.0-test',
    revision: 1,
    instance: 'instance-1',
    served_models: models.map((model) => (typeof model === 'string' ? pretendedModel(model) : model)),
    installed_count: models.length,
    capabilities: { llm: true, embed: false, providers: {} },
    node_load: { slots_total: 1, slots_used: 0 },
    issued_at: 0,
    expires_at: LIMITS.documentLifetimeMs,
    hardware: { platform: 'test', arch: 'test', cpu: 'test', cpu_threads: 1, memory_bytes: 1 },
    ...more,
  };
}

/** What the table is given for a node that has just opened a session. */
export function admission(id: string, models: (string | ServedModel)[] = [], more: Partial<Admission> = {}): Admission {
  return {
    id,
    publicKey: `U-${id}`,
    epoch: 1,
    instance: 'instance-1',
    document: documentFor(id, models),
    slots: 1,
    heardAt: 0,
    ...more,
  };
}
