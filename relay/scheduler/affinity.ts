import { hash, randomBytes } from 'node:crypto';
import { conversationText, saltedText, shortDigest } from '../../shared/protocol/warm-sessions.ts';
import { createRecentMap } from '../recent-map.ts';

/** What makes jobs belong together, and whether this one may expect to find the earlier ones' node. */
export type Affinity = { readonly key: string; readonly isLater: boolean };

/** Which node a conversation met last. */
export type AffinityTable = {
  nodeOf(affinity: Affinity | undefined, now: number): string | undefined;
  met(affinity: Affinity | undefined, nodeId: string, now: number): void;
  /** Takes a node's word for what it still knows; what it knew and knows no more is looked for nowhere. */
  told(nodeId: string, keys: readonly string[], now: number): void;
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
/**
 * Nodes make their digests with it, so that what they tell says nothing to anybody else. One for each process: after a
 * restart every node hears of the new one with its session.
 */
export const CONVERSATION_SALT = randomBytes(16).toString('base64url');

/** The conversations that were met longest ago are forgotten when there are too many. */
export function createAffinityTable(): AffinityTable {
  const known = createRecentMap<Meeting>(KEYS_KEPT);
  /** What each node said last; only of those that said something. */
  const lists = new Map<string, readonly string[]>();
  const isFresh = (meeting: Meeting | undefined, now: number): meeting is Meeting =>
    meeting !== undefined && now - meeting.at <= KEPT_MS;
  const tell = (key: string, nodeId: string, now: number): void => {
    const meeting = known.get(key);
    // Where the conversation went since is where it is read to the end.
    if (isFresh(meeting, now) && (meeting.nodeId !== nodeId || now - meeting.at < KEPT_MS / 2)) return;
    known.set(key, { nodeId, at: now });
  };
  return {
    nodeOf: (affinity, now) => {
      const meeting = affinity?.isLater ? known.get(affinity.key) : undefined;
      return isFresh(meeting, now) ? meeting.nodeId : undefined;
    },
    met: (affinity, nodeId, now) => {
      if (affinity !== undefined) known.set(affinity.key, { nodeId, at: now });
    },
    told: (nodeId, keys, now) => {
      const before = lists.get(nodeId);
      if (before === undefined && keys.length === 0) return;
      for (const key of before ?? []) {
        const isGone = !keys.includes(key) && known.get(key)?.nodeId === nodeId;
        if (isGone) known.set(key, { nodeId, at: Number.NEGATIVE_INFINITY });
      }
      for (const key of keys) tell(key, nodeId, now);
      if (keys.length > 0) lists.set(nodeId, keys);
      else lists.delete(nodeId);
    },
  };
}

type Meeting = { readonly nodeId: string; readonly at: number };

/**
 * Jobs with one key had better meet the same node. The key is the client's own, or what the conversation began with, and
 * says nothing of its content. A first turn looks for nobody: many conversations begin alike and would meet on one node.
 * Undefined for a job without either.
 */
export function affinityOf(
  { model, apiKeyId, cacheKey, user, messages = [] }: AffinityHints,
  salt = CONVERSATION_SALT,
): Affinity | undefined {
  const own = cacheKey ?? user;
  const text = own == null ? conversationText({ client: apiKeyId, model, messages }) : `${apiKeyId}\n${model}\n"${own}`;
  if (text === undefined) return undefined;
  const key = shortDigest(hash('sha256', saltedText(salt, hash('sha256', text, 'hex')), 'hex'));
  return { key, isLater: own != null || messages.some(({ role }) => role === 'assistant') };
}
