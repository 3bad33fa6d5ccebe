import { randomBytes } from 'node:crypto';
import { assertMayAsk, ensureFirstKey, type Principal } from '../access/api-keys.ts';
import { createKeyAdmin } from '../access/key-admin.ts';
import { createKeyGuard } from '../access/key-guard.ts';
import { createOperatorSessions } from '../access/operator-sessions.ts';
import { createRateLimits } from '../access/rate-limits.ts';
import { recallUses } from '../access/recall-uses.ts';
import { createSessionCookie } from '../access/session-cookie.ts';
import { createSignatureGuard } from '../access/signature-guard.ts';
import { deriveSigningSecrets } from '../access/signing-secrets.ts';
import { type Billing, openBilling } from '../credits/billing.ts';
import type { ServicesOptions } from './services-options.ts';

/** Who may ask, how often, and what they have left to pay with. */
export async function openAccess({ store, keys: { apiKey, adminToken }, identity, publicUrl }: ServicesOptions) {
  await ensureFirstKey(store.keys, apiKey);
  const billing: Billing = await openBilling(store.credits, Date.now);
  const keys = createKeyGuard({ store: store.keys, adminToken, setCreditLimit: billing.setLimit });
  const { forget, recordUsage } = keys;
  const secrets = deriveSigningSecrets(identity.seed);
  const rateLimits = createRateLimits(Date.now);
  await recallUses({ store, rateLimits, now: Date.now });
  const operatorSessions = createOperatorSessions({ now: Date.now, randomBytes });
  const relayKey = identity.publicKey;
  return {
    keys,
    billing,
    rateLimits,
    operatorSessions,
    keyAdmin: createKeyAdmin({ store: store.keys, forget, recordUsage, secrets, now: Date.now }),
    signatures: createSignatureGuard({ secrets, now: Date.now }),
    sessionCookie: createSessionCookie({ sessions: operatorSessions, relayKey, publicUrl }),
    /** Throws for what the key may not ask, or not now. */
    admit: (principal: Principal, model: string, requests = 1): void => {
      const { keyId, limits } = principal;
      if (limits === undefined) return;
      assertMayAsk(principal, model);
      rateLimits.admit(keyId, limits, requests);
    },
  };
}

export type OpenAccess = Awaited<ReturnType<typeof openAccess>>;
