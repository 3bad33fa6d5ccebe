import type { HostCrypto } from '../identity/host-crypto.ts';
import { LIMITS } from '../protocol/limits.ts';
import { type Conversation, conversationText, saltedText, shortDigest } from '../protocol/warm-sessions.ts';

/** Which conversations this node need not read again from the start, as the relay is told (SPEC S13). */
export type WarmSessions = {
  /** What a runtime is to call a conversation; undefined where it has none. */
  keyOf(conversation: Conversation): string | Promise<string> | undefined;
  /** What a runtime still knows of a model, newest first. */
  noted(model: string, keys: readonly string[]): void;
  /** Forgets the models that are not in memory. */
  keepOnly(isWarm: (model: string) => boolean): void;
  /** The relay's salt; with another, the same conversations have other digests. */
  salted(salt: string | undefined): void;
  /** Digests to tell, newest first; nothing while the relay gave no salt. */
  current(): readonly string[];
};

/**
 * Invariants: (1) `digests` is computed from what was noted last and from the salt given last, or about to be; (2) a
 * conversation leaves this node under its salted digest only.
 */
export function createWarmSessions(crypto: Pick<HostCrypto, 'sha256Hex'>): WarmSessions {
  /** The model that worked last stands last. */
  const byModel = new Map<string, readonly string[]>();
  let salt: string | undefined;
  let digests: readonly string[] = [];
  let changes = 0;

  async function compute(): Promise<void> {
    const change = ++changes;
    const own = salt;
    if (own === undefined) {
      digests = [];
      return;
    }
    const keys = [...byModel.values()].reverse().flat().slice(0, LIMITS.warmSessions);
    const hashed = await Promise.all(keys.map((key) => crypto.sha256Hex(saltedText(own, key))));
    if (change === changes) digests = hashed.map(shortDigest);
  }

  return {
    keyOf(conversation) {
      const text = conversationText(conversation);
      return text === undefined ? undefined : crypto.sha256Hex(text);
    },
    noted(model, keys) {
      byModel.delete(model);
      if (keys.length > 0) byModel.set(model, keys);
      void compute();
    },
    keepOnly(isWarm) {
      for (const model of byModel.keys()) if (!isWarm(model)) byModel.delete(model);
      void compute();
    },
    salted(given) {
      if (given === salt) return;
      salt = given;
      void compute();
    },
    current: () => digests,
  };
}
