import { hash } from 'node:crypto';
import { createRecentMap } from '../recent-map.ts';

/** What makes jobs belong together, and whether this one may expect to find the earlier ones' node. */
export type Affinity = { readonly key: string; readonly isLater: boolean };

/** Which node a conversation met last. */
export type AffinityTable = {
  nodeOf(affinity: Affinity | undefined, now: number): string | undefined;
  met(affinity: Affinity | undefined, nodeId: string, now: number): void;
};

export type AffinityHints = {
  model: string;
  apiKeyId: string;
  /** What the client itself calls jobs of one kind. */
  cacheKey?: string | null | undefined;
  user?: string | null | undefined;
  messages?: readonly { role: string; content: string }[] | undefined;
};

const KEYS_KEPT = 10_000;
/** A prompt stays in a node's memory for minutes, not hours. */
const KEPT_MS = 1_800_000;
/** The beginning tells conversations apart; hashing all of a long prompt would cost more than it gains. */
const HASHED_CHARACTERS = 4_096;

/** The conversations that were met longest ago are forgotten when there are too many. */
export function createAffinityTable(): AffinityTable {
  const known = createRecentMap<Meeting>(KEYS_KEPT);
  return {
    nodeOf: (affinity, now) => {
      const meeting = affinity?.isLater ? known.get(affinity.key) : undefined;
      return meeting === undefined || now - meeting.at > KEPT_MS ? undefined : meeting.nodeId;
    },
    met: (affinity, nodeId, now) => {
      if (affinity !== undefined) known.set(affinity.key, { nodeId, at: now });
    },
  };
}

type Meeting = { readonly nodeId: string; readonly at: number };

/**
 * Jobs with one key had better meet the same node. The key is the client's own, or what the conversation began with, and
 * says nothing of its content. A first turn looks for nobody: many conversations begin alike and would meet on one node.
 * Undefined for a job without either.
 */
export function affinityOf({ model, apiKeyId, cacheKey, user, messages = [] }: AffinityHints): Affinity | undefined {
  const own = cacheKey ?? user;
  const beginning = own == null ? beginningOf(messages) : JSON.stringify(own);
  if (beginning === undefined) return undefined;
  const key = hash('sha256', `${apiKeyId}\n${model}\n${beginning}`, 'base64url');
  return { key, isLater: own != null || messages.some(({ role }) => role === 'assistant') };
}

/** Everything up to and including the first words of the user, each with its length: no two beginnings read the same. */
function beginningOf(messages: readonly { role: string; content: string }[]): string | undefined {
  let beginning = '';
  for (const { role, content } of messages) {
    const hashed = content.slice(0, HASHED_CHARACTERS);
    beginning += `${hashed.length} ${hashed}`;
    if (role === 'user') return beginning;
  }
  return undefined;
}
