/**
 * A node id is a subject token that cannot widen a subscription: a readable slug, a dash and the fingerprint of the
 * node's key. `*` or `>` as an id would hear every node, so ids are checked before any credential is signed.
 */
const NODE_ID = /^[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?$/;

export function isNodeId(value: unknown): value is string {
  return typeof value === 'string' && NODE_ID.test(value);
}

/** What a job needs a node to be able to do; the third token of its subject. */
export const JOB_TYPES = [
  'llm',
  'embed',
  'stt',
  'tts',
  'ocr',
  'image',
  'task',
  'ffmpeg',
  'blender',
  'compute',
] as const;
export type JobType = (typeof JOB_TYPES)[number];

/**
 * Kinds of work whose input and output are one JSON object each, without frames in between. What a `task` is stands in
 * its input.
 */
export const CAPABILITY_TYPES = ['stt', 'tts', 'ocr', 'image', 'task'] as const;
export type CapabilityType = (typeof CAPABILITY_TYPES)[number];

/** Programs of the node's machine, asked for by a service of the registry alone, which says what they may be told. */
export const TOOL_TYPES = ['ffmpeg', 'blender'] as const;
export type ToolType = (typeof TOOL_TYPES)[number];

/** Kernels of scientific computing, which come with the node; which one it is, the service of the registry says. */
export const KERNEL_TYPES = ['compute'] as const;

/** Types that only a service of the registry is asked by: what a job means stands in its service, not in its type. */
const SERVICE_TYPES = [...TOOL_TYPES, ...KERNEL_TYPES] as const;

/** Types whose input and output are JSON objects that only service and runtime understand. */
export const OBJECT_TYPES = [...CAPABILITY_TYPES, ...SERVICE_TYPES] as const;
export type ObjectType = (typeof OBJECT_TYPES)[number];

export function isServiceType(type: string): type is (typeof SERVICE_TYPES)[number] {
  return (SERVICE_TYPES as readonly string[]).includes(type);
}

export const subjects = {
  discover: 'fabric.capabilities.discover',
  heartbeats: 'fabric.heartbeat.*',
  heartbeat: (nodeId: string) => `fabric.heartbeat.${nodeId}`,
  everythingForNode: (nodeId: string) => `node.${nodeId}.>`,
  openSession: (nodeId: string) => `node.${nodeId}.session.open`,
  sessionOpened: (nodeId: string) => `node.${nodeId}.session.opened`,
  ping: (nodeId: string) => `node.${nodeId}.ping`,
  capabilities: (nodeId: string) => `node.${nodeId}.capabilities.get`,
  cancelJob: (nodeId: string) => `node.${nodeId}.job.cancel`,
  jobRequest: (nodeId: string, type: JobType) => `node.${nodeId}.${type}.request`,
  /** Under this the relay alone awaits answers: what asks for one elsewhere is not the relay. */
  relayReplies: (nodeId: string) => `fabric.reply.${nodeId}.`,
  /** A node tells of work that it did for the operator's own programs, and hears that it was written down. */
  results: 'fabric.result.*',
  result: (nodeId: string) => `fabric.result.${nodeId}`,
  resultKept: (nodeId: string) => `node.${nodeId}.result.kept`,
  inboxPrefix: (nodeId: string) => `_INBOX_${nodeId}`,
} as const;

/** The node that a report's subject names, as permissions make sure. */
export function nodeIdOfResult(subject: string): string {
  return subject.slice('fabric.result.'.length);
}

/** The node that a heartbeat's subject names; permissions make it the node that sent it. */
export function nodeIdOfHeartbeat(subject: string): string {
  return subject.slice('fabric.heartbeat.'.length);
}
