import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import { Problem } from '../../../shared/problems/problem.ts';
import { isNodeId, subjects } from '../../../shared/protocol/subjects.ts';
import { validatorOf } from '../../../shared/protocol/validator.ts';
import type { BusIdentity } from './bus-identity.ts';
import { isSignedBy, type NKey } from './nkey.ts';

/** A user of the bus: the token that says its rights and the key that proves it is the one. */
export type BusUser = { readonly jwt: string; readonly key: NKey };

export type NodeCredentials = { jwt: string /** Unix seconds. */; expiresAt: number };

/** Public key → Unix seconds: tokens for this key issued until then are void. */
export type Revocations = Readonly<Record<string, number>>;

type Claims = { name: string; sub: string; aud?: string; exp?: number; nats: Record<string, unknown> };

const HEADER = base64url('{"typ":"JWT","alg":"ed25519-nkey"}');
const UNLIMITED = { subs: -1, data: -1, payload: -1 };
const ACCOUNT_LIMITS = { ...UNLIMITED, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
/** Tells the server what to put in place of the name of the token, which for a node is its id. */
const SELF = '{{name()}}';
/** A node needs two; a client that is confused or hostile should not fill the server's table. */
const SUBSCRIPTIONS_PER_NODE = 100;
/**
 * A reply subject outside the node's own may be written this often and this long. The server remembers each request
 * for that time, so that longer answers go to the node's own subjects (see `replySubjects`), which have no such limit.
 */
const RESPONSES = { max: 100_000, ttl: 600 * 1e9 };

/** Where nodes answer: each may write under its own name for as long as it likes, and no other may. */
export const replySubjects = {
  all: (relay: string) => `fabric.reply.*.${relay}.*`,
  one: (nodeId: string, relay: string, token: string) => `fabric.reply.${nodeId}.${relay}.${token}`,
} as const;

/** What every node may do, and nothing else; its id is filled in by the server. */
const NODE_TEMPLATE = {
  ...UNLIMITED,
  subs: SUBSCRIPTIONS_PER_NODE,
  sub: { allow: [subjects.everythingForNode(SELF), subjects.discover, `${subjects.inboxPrefix(SELF)}.>`] },
  pub: { allow: [subjects.heartbeat(SELF), subjects.result(SELF), `${subjects.relayReplies(SELF)}>`] },
  resp: RESPONSES,
  allowed_connection_types: ['WEBSOCKET', 'STANDARD'],
};

/** The token that names the operator; goes into the server's configuration. */
export function operatorJwt(identity: BusIdentity, issuedAt: number): string {
  const nats = { type: 'operator', system_account: identity.system.publicKey };
  return signClaims({ name: 'sparewatt', sub: identity.operator.publicKey, nats }, identity.operator, issuedAt);
}

export function systemAccountJwt(identity: BusIdentity, issuedAt: number): string {
  const nats = { type: 'account', limits: ACCOUNT_LIMITS };
  return signClaims({ name: 'SYS', sub: identity.system.publicKey, nats }, identity.operator, issuedAt);
}

/** The account of relay and nodes. A server that holds an older one takes this instead; `issuedAt` in Unix seconds. */
export function fabricAccountJwt(identity: BusIdentity, issuedAt: number, revocations: Revocations = {}): string {
  const scope = { kind: 'user_scope', key: identity.nodeSigner.publicKey, role: 'node', template: NODE_TEMPLATE };
  const nats = { type: 'account', limits: ACCOUNT_LIMITS, signing_keys: [scope], revocations };
  return signClaims({ name: 'FABRIC', sub: identity.fabric.publicKey, nats }, identity.operator, issuedAt);
}

/** The relay itself, with every right in the fabric. */
export function relayUser(identity: BusIdentity, issuedAt = nowSeconds()): BusUser {
  return fullUser('relay', identity.relayUser, identity.fabric, issuedAt);
}

/** The relay as a user of the server's own account. */
export function systemUser(identity: BusIdentity, issuedAt = nowSeconds()): BusUser {
  return fullUser('relay-system', identity.systemUser, identity.system, issuedAt);
}

const NODE_KEY = /^U[A-Z2-7]{55}$/;

export type NodeGrant = {
  nodeId: string;
  /** The node's own key, `U…`; its seed never leaves the node. */
  publicKey: string;
  lifetimeSeconds: number;
  now?: () => number;
};

/**
 * Signs what lets one node on the bus. Throws a `TypeError` for an id that is no plain subject token: as `*` it would
 * hear every node.
 */
export function mintNodeCredentials(identity: BusIdentity, grant: NodeGrant): NodeCredentials {
  if (!isNodeId(grant.nodeId)) throw new TypeError('A credential was asked for something that is no node id.');
  if (!NODE_KEY.test(grant.publicKey)) {
    throw new Problem('invalid_value', 'The public key is not a NATS user key.', { param: 'publicKey' });
  }
  const issuedAt = Math.floor((grant.now ?? Date.now)() / 1000);
  const expiresAt = issuedAt + grant.lifetimeSeconds;
  const nats = { type: 'user', issuer_account: identity.fabric.publicKey };
  const claims = { name: grant.nodeId, sub: grant.publicKey, exp: expiresAt, nats };
  return { jwt: signClaims(claims, identity.nodeSigner, issuedAt), expiresAt };
}

/** Times in Unix seconds. */
export type NodeBearer = { nodeId: string; publicKey: string; issuedAt: number; expiresAt: number };

const isNodeClaims = validatorOf(
  Type.Object({
    name: Type.String(),
    sub: Type.String({ pattern: NODE_KEY.source }),
    exp: Type.Integer(),
    iat: Type.Integer(),
    iss: Type.String(),
    nats: Type.Object({ type: Type.Literal('user') }),
  }),
);

/** Who bears a token that `mintNodeCredentials` signed, or undefined for any other token and one that has expired. */
export function readNodeCredentials(identity: BusIdentity, jwt: string, now = Date.now): NodeBearer | undefined {
  const [header = '', body = '', signature = ''] = jwt.split('.');
  const signer = identity.nodeSigner.publicKey;
  if (!isSignedBy(signer, Buffer.from(`${header}.${body}`), Buffer.from(signature, 'base64url'))) return undefined;
  const claims: unknown = JSON.parse(Buffer.from(body, 'base64url').toString('utf8'));
  if (!isNodeClaims.Check(claims) || claims.iss !== signer || claims.exp * 1_000 <= now()) return undefined;
  return { nodeId: claims.name, publicKey: claims.sub, expiresAt: claims.exp, issuedAt: claims.iat };
}

function fullUser(name: string, key: NKey, account: NKey, issuedAt: number): BusUser {
  const nats = { type: 'user', ...UNLIMITED, pub: {}, sub: {} };
  return { key, jwt: signClaims({ name, sub: key.publicKey, nats }, account, issuedAt) };
}

/** A token of the bus: claims signed by one of the relay's keys. */
export function signClaims(claims: Claims, issuer: NKey, issuedAt: number): string {
  const nats = { ...claims.nats, version: 2 };
  const body = { aud: 'NATS', ...claims, nats, iss: issuer.publicKey, iat: issuedAt };
  const jti = createHash('sha512').update(JSON.stringify(body)).digest('base64');
  const signed = `${HEADER}.${base64url(JSON.stringify({ ...body, jti }))}`;
  return `${signed}.${base64url(issuer.sign(Buffer.from(signed)))}`;
}

function base64url(data: string | Uint8Array): string {
  return Buffer.from(data).toString('base64url');
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
