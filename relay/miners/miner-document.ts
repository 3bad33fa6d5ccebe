import { buildCapabilityDocument, type DocumentParts } from '../../shared/agent/capability-document.ts';
import type { MinerDocument, MinerModel } from '../../shared/api/miners.ts';
import type { CapabilityDocument, ServedModel } from '../../shared/protocol/capabilities.ts';

/** What is assumed of a model whose miner does not say. */
const CONTEXT_LENGTH = 4_096;

/** A model as every node tells of it. */
export function servedModel(model: MinerModel): ServedModel {
  const unknown = { revision: 'unknown', dtype: 'unknown', device: 'unknown', size_bytes: 0 };
  return { ...unknown, context_length: CONTEXT_LENGTH, state: 'warm', ...model };
}

/** The document of a node that came over HTTP, not signed yet; what its miner left out is not known. */
export function minerDocument(
  { version = 'unknown', hardware, software, tools, job_files: readsFiles = false }: MinerDocument,
  parts: Omit<DocumentParts, 'version' | 'hardware' | 'software' | 'tools' | 'readsFiles'>,
): CapabilityDocument {
  const document = buildCapabilityDocument({
    ...parts,
    version,
    hardware: { platform: 'unknown', arch: 'unknown', cpu: 'unknown', cpu_threads: 0, memory_bytes: 0, ...hardware },
    software: { os: null, node: null, onnxruntime: null, transformers: null, ...software },
    tools,
    readsFiles,
  });
  const providers = Object.fromEntries(Object.keys(document.capabilities.providers).map((name) => [name, 'http']));
  return {
    ...document,
    capabilities: { ...document.capabilities, providers },
    network: { transport: 'http' },
  };
}
