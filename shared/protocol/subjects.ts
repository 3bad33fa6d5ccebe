/**
 * A node id is a subject token that cannot widen a subscription: a readable slug, a dash and the fingerprint of the
 * node's key. `*` or `>` as an id would hear every node, so ids are checked before any credential is signed.
 */
const NODE_ID = /^[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?$/;

export function isNodeId(value: unknown): value is string {
  return typeof value === 'string' && NODE_ID.test(value);
}

/** What a job needs a node to be able to do; the third token of its subject. */
export const JOB_TYPES = ['llm', 'embed'] as const;
export type JobType = (typeof JOB_TYPES)[number];

export const subjects = {
  discover: 'fabric.capabilities.discover',
  heartbeats: 'fabric.heartbeat.*',
  heartbeat: (nodeId: string) => `fabric.heartbeat.${nodeId}`,
  everythingForNode: (nodeId: string) => `node.${nodeId}.>`,
  openSession: (nodeId: string) => `node.${nodeId}.session.open`,
  sessionOpened: (nodeId: string) => `node.${nodeId}.session.opened`,
  capabilities: (nodeId: string) => `node.${nodeId}.capabilities.get`,
  cancelJob: (nodeId: string) => `node.${nodeId}.job.cancel`,
  jobRequest: (nodeId: string, type: JobType) => `node.${nodeId}.${type}.request`,
  inboxPrefix: (nodeId: string) => `_INBOX_${nodeId}`,
} as const;

/** The node that a heartbeat's subject names; permissions make it the node that sent it. */
export function nodeIdOfHeartbeat(subject: string): string {
  return subject.slice('fabric.heartbeat.'.length);
}
