import { codeSecretsOf, newPairingCode } from '../../shared/identity/pairing-code.ts';
import { pairingLink } from '../../shared/identity/pairing-link.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { NKey } from '../fabric/bus/nkey.ts';
import type { RelayLog } from '../log.ts';
import type { PairingCodeRecord, PairingStore } from '../store/pairing-store.ts';

export type CodeOptions = {
  store: PairingStore;
  identity: NKey;
  /** Where the relay speaks TLS by an authority of its own. */
  authority?: { fingerprint: string } | undefined;
  now: () => number;
  randomBytes: (size: number) => Uint8Array;
  log: RelayLog;
};

/** What an operator hands to a node's owner. Times in milliseconds since 1970. */
export type NewPairingCode = { id: string; code: string; link: string; expiresAt: number };

/** A code that was made, as far as the relay still knows it. */
export type ListedPairingCode = Omit<PairingCodeRecord, 'codeId' | 'secret'> & {
  id: string;
  state: 'open' | 'used' | 'expired';
};

/** The one-time codes of this relay, for its operator. */
export type PairingCodes = {
  createCode(order: { labels: Record<string, string>; relayUrl: string }): Promise<NewPairingCode>;
  /** Those of the last day, newest first, at most a thousand. */
  listCodes(): Promise<ListedPairingCode[]>;
  /** Ends a code now; whoever has paired with it stays paired. Errors: `pairing_code_not_found`. */
  withdrawCode(id: string): Promise<ListedPairingCode>;
};

const CODE_LIFETIME_MS = 10 * 60_000;
/** How long a spent or expired code can still be told from a wrong one. */
const CODE_MEMORY_MS = 24 * 60 * 60_000;
/** More than a person reads. */
const LISTED_MOST = 1_000;

export function createPairingCodes(options: CodeOptions): PairingCodes {
  const { store, identity, now, randomBytes, log } = options;
  const trust = {
    relayKey: identity.publicKey,
    ...(options.authority === undefined ? {} : { authority: options.authority.fingerprint }),
  };
  return {
    createCode: async ({ labels, relayUrl }) => {
      const code = newPairingCode(randomBytes);
      const { id, secret } = await codeSecretsOf(code);
      const createdAt = now();
      const expiresAt = createdAt + CODE_LIFETIME_MS;
      await store.pruneCodes(createdAt - CODE_MEMORY_MS);
      await store.putCode({ codeId: id, secret, labels, createdAt, expiresAt, usedAt: null, usedBy: null });
      return { id, code, link: pairingLink({ relayUrl, code, ...trust }), expiresAt };
    },
    listCodes: async () => (await store.listCodes(LISTED_MOST)).map((record) => listed(record, now())),
    withdrawCode: async (id) => {
      const record = await store.withdrawCode(id, now());
      if (record === undefined) throw unknownCode();
      log.info({ code: id }, 'a pairing code was withdrawn');
      return listed(record, now());
    },
  };
}

function listed({ codeId, secret: _, ...record }: PairingCodeRecord, now: number): ListedPairingCode {
  const state = record.usedAt !== null ? 'used' : record.expiresAt <= now ? 'expired' : 'open';
  return { id: codeId, state, ...record };
}

function unknownCode(): Problem {
  return new Problem(
    'pairing_code_not_found',
    'This relay has no pairing code of that id. See sparewatt pair --list.',
    {
      param: 'id',
    },
  );
}
