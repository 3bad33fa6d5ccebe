import { subjects } from '../../../shared/protocol/subjects.ts';
import type { BusIdentity } from './bus-identity.ts';
import { signClaims } from './credentials.ts';
import { createNKey } from './nkey.ts';

export type OperatorGrant = {
  /** Names the program in the server's connection list. */
  name: string;
  lifetimeSeconds: number;
  /** Answers are heard only under `_INBOX_{name}`, for programs that can be told so. */
  ownInbox?: boolean;
  /** Milliseconds since 1970. */
  now?: () => number;
};

export type OperatorCredentials = {
  /** The text of a NATS creds file: a secret. */
  creds: string;
  /** Unix seconds. */
  expiresAt: number;
  publicKey: string;
  inboxPrefix: string;
};

/** Where clients of NATS await answers unless they are told otherwise. */
const USUAL_INBOX = '_INBOX';
const UNLIMITED = { subs: -1, data: -1, payload: -1 };

/**
 * Lets one of the operator's own programs on the bus: it may find nodes and ask them for work, and hear the answers. It
 * may not speak as the relay or as a node: no sessions, no cancels, no heartbeats, no results.
 *
 * With the usual inbox any program works as it is, and programs of one operator could read each other's answers; with
 * `ownInbox` they cannot. Nodes' answers to the relay go elsewhere in both cases.
 */
export function mintOperatorCredentials(identity: BusIdentity, grant: OperatorGrant): OperatorCredentials {
  if (!/^[A-Za-z0-9][\w-]{0,62}$/.test(grant.name)) throw new TypeError('The name is no plain word.');
  const key = createNKey('user');
  const issuedAt = Math.floor((grant.now ?? Date.now)() / 1000);
  const expiresAt = issuedAt + grant.lifetimeSeconds;
  const inboxPrefix = grant.ownInbox === true ? `${USUAL_INBOX}_${grant.name}` : USUAL_INBOX;
  const nats = {
    type: 'user',
    ...UNLIMITED,
    pub: { allow: [subjects.discover, 'node.*.*.request', subjects.capabilities('*')] },
    sub: { allow: [`${inboxPrefix}.>`] },
  };
  const claims = { name: grant.name, sub: key.publicKey, exp: expiresAt, nats };
  const jwt = signClaims(claims, identity.fabric, issuedAt);
  return { creds: credsFile(jwt, key.seed), expiresAt, publicKey: key.publicKey, inboxPrefix };
}

function credsFile(jwt: string, seed: string): string {
  return `-----BEGIN NATS USER JWT-----
${jwt}
------END NATS USER JWT------

************************* IMPORTANT *************************
Whoever has this file can ask every node of the pool for work.

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------

*************************************************************
`;
}
