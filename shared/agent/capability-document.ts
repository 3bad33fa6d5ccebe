import type { PublicPolicy } from '../policy/node-policy.ts';
import {
  CAPABILITIES,
  type CapabilityDocument,
  type MachineTest,
  type NodeLoad,
  type ServedModel,
} from '../protocol/capabilities.ts';
import { LIMITS, PROTOCOL_VERSION } from '../protocol/limits.ts';
import { KERNEL_TYPES, TOOL_TYPES } from '../protocol/subjects.ts';
import type { InstalledArtifact, RuntimeModel } from '../runtimes/runtime.ts';
import { READS_PICTURES } from '../runtimes/transformers/tasks/task-kinds.ts';
import type { Slots } from './slots.ts';

export type Hardware = CapabilityDocument['hardware'];
export type Software = NonNullable<CapabilityDocument['software']>;
export type Tools = NonNullable<CapabilityDocument['tools']>;

export type DocumentParts = {
  nodeId: string;
  version: string;
  revision: number;
  instance: string;
  models: readonly RuntimeModel[];
  /** Undefined where the runtime cannot look: then what is served is what is installed. */
  installed?: readonly InstalledArtifact[] | undefined;
  slots: Slots;
  hardware: Hardware;
  software?: Software | undefined;
  tools?: Tools | undefined;
  policy?: PublicPolicy | undefined;
  machineTest?: MachineTest | undefined;
  /** Whether it fetches what a job's input stands for (SPEC F6). */
  readsFiles?: boolean;
  /** Milliseconds since 1970. */
  issuedAt: number;
};

/** The flag by which jobs with files of their own find nodes. */
export const READS_FILES = 'job_files';
/** What stands behind every capability that is no program's. */
const PROVIDER = 'transformers.js';
const PROVIDER_OF_KERNELS = 'sparewatt kernels';

/** The document of a node, not signed yet. */
export function buildCapabilityDocument(parts: DocumentParts): CapabilityDocument {
  const { installed } = parts;
  return {
    node_id: parts.nodeId,
    protocol: PROTOCOL_VERSION,
    version: parts.version,
    revision: parts.revision,
    instance: parts.instance,
    served_models: parts.models.map(({ in_use: _, threadTrial: _trial, ...model }) => model),
    installed_count: installed?.length ?? parts.models.length,
    ...(installed === undefined ? {} : { installed_artifacts: [...installed] }),
    capabilities: { ...capabilitiesOf(parts.models), ...(parts.readsFiles === true ? { [READS_FILES]: true } : {}) },
    node_load: loadOf(parts.slots, parts.models),
    hardware: { ...parts.hardware, gpus: parts.hardware.gpus ?? null, webgpu: parts.hardware.webgpu ?? null },
    software: parts.software ?? { os: null, node: null, onnxruntime: null, transformers: null },
    tools: parts.tools ?? {},
    ...(parts.policy === undefined ? {} : { policy: parts.policy }),
    ...(parts.machineTest === undefined ? {} : { machine_test: parts.machineTest }),
    network: { transport: 'websocket' },
    issued_at: parts.issuedAt,
    expires_at: parts.issuedAt + LIMITS.documentLifetimeMs,
  };
}

/** What the node is busy with now. */
export function loadOf(slots: Slots, models: readonly ServedModel[]): NodeLoad {
  const inUse = models.flatMap(({ name, in_use: jobs = 0 }) => (jobs === 0 ? [] : [[name, jobs] as const]));
  const load = { slots_total: slots.total, slots_used: slots.used() };
  return inUse.length === 0 ? load : { ...load, in_use: Object.fromEntries(inUse) };
}

function capabilitiesOf(models: readonly ServedModel[]): CapabilityDocument['capabilities'] {
  const served = new Set(models.map((model) => model.type));
  if (models.some(({ tasks }) => tasks?.includes(READS_PICTURES))) served.add('vision');
  const flags = Object.fromEntries(CAPABILITIES.map((name) => [name, served.has(name)]));
  const providers = Object.fromEntries([...served].map((name) => [name, providerOf(name)]));
  return {
    llm: served.has('llm'),
    embed: served.has('embed'),
    ...flags,
    constrained: models.some(({ constrained }) => constrained === true),
    providers,
  };
}

function providerOf(type: string): string {
  if ((TOOL_TYPES as readonly string[]).includes(type)) return type;
  return (KERNEL_TYPES as readonly string[]).includes(type) ? PROVIDER_OF_KERNELS : PROVIDER;
}
