import type { CapabilityDocument, ServedModel } from '../protocol/capabilities.ts';
import { PROTOCOL_VERSION } from '../protocol/limits.ts';
import type { Slots } from './slots.ts';

export type Hardware = CapabilityDocument['hardware'];

export type DocumentParts = {
  nodeId: string;
  version: string;
  revision: number;
  instance: string;
  models: ServedModel[];
  slots: Slots;
  hardware: Hardware;
};

export function buildCapabilityDocument(parts: DocumentParts): CapabilityDocument {
  const serves = (type: ServedModel['type']): boolean => parts.models.some((model) => model.type === type);
  const providers: Record<string, string> = {};
  for (const type of ['llm', 'embed'] as const) if (serves(type)) providers[type] = 'transformers.js';
  return {
    node_id: parts.nodeId,
    protocol: PROTOCOL_VERSION,
    version: parts.version,
    revision: parts.revision,
    instance: parts.instance,
    served_models: parts.models,
    installed_count: parts.models.length,
    capabilities: { llm: serves('llm'), embed: serves('embed'), providers },
    node_load: { slots_total: parts.slots.total, slots_used: parts.slots.used() },
    hardware: parts.hardware,
  };
}
