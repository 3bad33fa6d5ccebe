import { randomBytes } from 'node:crypto';
import { type LimitKeepers, setAccountLimits, standingOf } from '../access/account-limits.ts';
import { assertMayAsk, ensureFirstKey, type KeyLimits, limitsOf, type Principal } from '../access/api-keys.ts';
import { createKeyAdmin } from '../access/key-admin.ts';
import { createKeyGuard } from '../access/key-guard.ts';
import { createOperatorSessions } from '../access/operator-sessions.ts';
import { createParallelLimits } from '../access/parallel-limits.ts';
import { createRateLimits } from '../access/rate-limits.ts';
import { recallUses } from '../access/recall-uses.ts';
import { deriveRepeatedKeys } from '../access/repeated-keys.ts';
import { createSessionCookie } from '../access/session-cookie.ts';
import { createSignatureGuard } from '../access/signature-guard.ts';
import { deriveSigningSecrets } from '../access/signing-secrets.ts';
import { openBilling } from '../credits/billing.ts';
import { createBudgetNews } from '../credits/budget-news.ts';
import type { ServicesOptions } from './services-options.ts';

/** Who may ask, how often, and what they have left to pay with. */
export async function openAccess({ store, keys: { apiKey, adminToken }, identity, publicUrl, log }: ServicesOptions) {
  await ensureFirstKey(store.keys, apiKey);
  const { keepers, budgetNews, setLimits, onRoom } = await openLimits(store, log);
  const keys = createKeyGuard({ store: store.keys, adminToken, setLimits });
  const { recordUsage } = keys;
  const secrets = deriveSigningSecrets(identity.seed);
  const operatorSessions = createOperatorSessions({ now: Date.now, randomBytes });
  const relayKey = identity.publicKey;
  return {
    keys,
    budgetNews,
    ...keepers,
    /** Calls it whenever jobs that wait for a limit of their key may go on. */
    onRoom,
    operatorSessions,
    keyAdmin: createKeyAdmin({
      ...{ store: store.keys, guard: keys, setLimits, recordUsage, secrets, now: Date.now },
      keyOf: deriveRepeatedKeys(identity.seed),
      standingOf: (accountId) => standingOf(accountId, keepers),
    }),
    signatures: createSignatureGuard({ secrets, now: Date.now }),
    sessionCookie: createSessionCookie({ sessions: operatorSessions, relayKey, publicUrl }),
    /** Throws for what the key may not ask, or not now, or not any more; `model` is null where there are several. */
    admit: (principal: Principal, model: string | null, requests = 1): void => {
      const { keyId, limits } = principal;
      keys.assertWorks(principal);
      if (limits === undefined) return;
      if (model !== null) assertMayAsk(principal, model);
      keepers.rateLimits.admit(keyId, limits, requests);
    },
  };
}

/** Counts what keys use, from where an earlier relay has left off. */
async function openLimits(store: ServicesOptions['store'], log: ServicesOptions['log']) {
  const budgetNews = createBudgetNews(log);
  const billing = await openBilling(store.credits, Date.now, budgetNews.softReached);
  const rateLimits = createRateLimits(Date.now);
  await recallUses({ store, rateLimits, now: Date.now });
  const keepers: LimitKeepers = { rateLimits, parallelLimits: createParallelLimits(), billing };
  const listeners: (() => void)[] = [];
  const onRoom = (listener: () => void): void => {
    listeners.push(listener);
    keepers.parallelLimits.onRoom(listener);
  };
  const setLimits = (accountId: string, limits: KeyLimits): Promise<void> => {
    const done = setAccountLimits(accountId, limits, keepers);
    for (const listener of listeners) listener();
    return done;
  };
  // Jobs that wait go by them before their key asks again.
  for (const key of await store.keys.listKeys()) await setLimits(key.accountId, limitsOf(key));
  return { keepers, budgetNews, setLimits, onRoom };
}

export type OpenAccess = Awaited<ReturnType<typeof openAccess>>;
