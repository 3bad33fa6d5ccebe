import { hash } from 'node:crypto';

export type OperatorSession = { expiresAt: number };

/** Who has signed in with the admin token, in memory: a relay that starts again knows nobody. */
export type OperatorSessions = {
  /** Returns the secret that proves the session, shown this once. */
  open(): OperatorSession & { secret: string };
  find(secret: string): OperatorSession | undefined;
  end(secret: string): void;
  /** Tells of each session that was ended. */
  onEnd(listener: (session: OperatorSession) => void): void;
};

export type OperatorSessionOptions = {
  /** Milliseconds since 1970. */
  now: () => number;
  randomBytes: (size: number) => Uint8Array;
};

/** A working day. */
export const SESSION_LIFETIME_MS = 12 * 60 * 60_000;
/** More browsers than an operator has; the oldest makes room. */
const SESSIONS_MOST = 100;
const SECRET_BYTES = 32;

/**
 * Invariants: (1) of a secret only its hash is kept, so that how long finding takes tells nothing of another's; (2) there
 * are at most `SESSIONS_MOST`; (3) a session that has expired is never found.
 */
export function createOperatorSessions({ now, randomBytes }: OperatorSessionOptions): OperatorSessions {
  const sessions = new Map<string, OperatorSession>();
  const listeners: ((session: OperatorSession) => void)[] = [];

  const end = (digest: string): void => {
    const session = sessions.get(digest);
    if (session === undefined) return;
    sessions.delete(digest);
    for (const listener of listeners) listener(session);
  };
  const makeRoom = (): void => {
    for (const [digest, { expiresAt }] of sessions) if (expiresAt <= now()) end(digest);
    const [oldest] = sessions.keys();
    if (sessions.size >= SESSIONS_MOST && oldest !== undefined) end(oldest);
  };
  return {
    open: () => {
      makeRoom();
      const secret = Buffer.from(randomBytes(SECRET_BYTES)).toString('base64url');
      const session = { expiresAt: now() + SESSION_LIFETIME_MS };
      sessions.set(digestOf(secret), session);
      return { ...session, secret };
    },
    find: (secret) => {
      const session = sessions.get(digestOf(secret));
      return session !== undefined && session.expiresAt > now() ? session : undefined;
    },
    end: (secret) => end(digestOf(secret)),
    onEnd: (listener) => {
      listeners.push(listener);
    },
  };
}

function digestOf(secret: string): string {
  return hash('sha256', secret, 'hex');
}
