import { hash } from 'node:crypto';

/** Which node a conversation met last. */
export type AffinityTable = {
  nodeOf(key: string | undefined, now: number): string | undefined;
  met(key: string | undefined, nodeId: string, now: number): void;
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

/** The least recently met conversation is forgotten first. */
export function createAffinityTable(): AffinityTable {
  const met = new Map<string, { nodeId: string; at: number }>();
  return {
    nodeOf: (key, now) => {
      const entry = key === undefined ? undefined : met.get(key);
      return entry === undefined || now - entry.at > KEPT_MS ? undefined : entry.nodeId;
    },
    met: (key, nodeId, now) => {
      if (key === undefined) return;
      met.delete(key);
      met.set(key, { nodeId, at: now });
      if (met.size <= KEYS_KEPT) return;
      for (const oldest of met.keys()) {
        met.delete(oldest);
        return;
      }
    },
  };
}

/**
 * A key that the turns of one conversation share and that says nothing of its content: the client's own, or what the
 * conversation began with. Undefined for a job without either.
 */
export function affinityKey({ model, apiKeyId, cacheKey, user, messages = [] }: AffinityHints): string | undefined {
  const beginning = cacheKey ?? user ?? beginningOf(messages);
  if (beginning === undefined) return undefined;
  return hash('sha256', JSON.stringify([apiKeyId, model, beginning]), 'base64url');
}

/** Everything up to and including the first words of the user. */
function beginningOf(messages: readonly { role: string; content: string }[]): string[] | undefined {
  const first = messages.findIndex(({ role }) => role === 'user');
  if (first < 0) return undefined;
  return messages.slice(0, first + 1).map(({ content }) => content.slice(0, HASHED_CHARACTERS));
}
