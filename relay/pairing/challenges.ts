import { createHmac, timingSafeEqual } from 'node:crypto';

/** Whom a challenge was made for; it is void for everybody else. */
export type ChallengeFor = { publicKey: string; name: string; nonce: string };

export type Challenges = {
  make(asker: ChallengeFor): { challenge: string; expiresAt: number };
  /** Whether it was made here, for this asker, not long ago, and was not spent. */
  isOpen(challenge: string, asker: ChallengeFor): boolean;
  /** Uses a challenge up; false when somebody else was quicker. */
  spend(challenge: string): boolean;
};

const LIFETIME_MS = 60_000;
const TIME_BYTES = 6;
const RANDOM_BYTES = 16;

/**
 * Challenges carry their own seal, so that strangers who ask for millions of them cost no memory.
 *
 * Invariants: (1) a challenge lets in at most once; (2) only spent challenges are remembered, until they are too old
 * anyway; (3) a restart voids all, since the seal's key is gone with the process.
 */
export function createChallenges(now: () => number, randomBytes: (size: number) => Uint8Array): Challenges {
  const sealKey = randomBytes(32);
  const spent = new Map<string, number>();
  const seal = (head: Buffer, { publicKey, name, nonce }: ChallengeFor): Buffer =>
    createHmac('sha256', sealKey)
      .update(head)
      .update(JSON.stringify([publicKey, name, nonce]))
      .digest();
  const forgetOld = (): void => {
    for (const [challenge, expiresAt] of spent) {
      if (expiresAt > now()) return;
      spent.delete(challenge);
    }
  };
  return {
    make: (asker) => {
      const expiresAt = now() + LIFETIME_MS;
      const head = Buffer.alloc(TIME_BYTES + RANDOM_BYTES);
      head.writeUIntBE(expiresAt, 0, TIME_BYTES);
      head.set(randomBytes(RANDOM_BYTES), TIME_BYTES);
      return { challenge: Buffer.concat([head, seal(head, asker)]).toString('base64url'), expiresAt };
    },
    isOpen: (challenge, asker) => {
      const bytes = Buffer.from(challenge, 'base64url');
      const head = bytes.subarray(0, TIME_BYTES + RANDOM_BYTES);
      const expected = seal(head, asker);
      if (bytes.length !== head.length + expected.length) return false;
      // Base64 has several spellings of the same bytes; only ours is a challenge, or it could be spent twice.
      if (bytes.toString('base64url') !== challenge) return false;
      if (!timingSafeEqual(bytes.subarray(head.length), expected)) return false;
      return head.readUIntBE(0, TIME_BYTES) > now() && !spent.has(challenge);
    },
    spend: (challenge) => {
      if (spent.has(challenge)) return false;
      forgetOld();
      spent.set(challenge, now() + LIFETIME_MS);
      return true;
    },
  };
}
