import { type Static, Type } from 'typebox';
import { PLAIN_TEXT } from '../protocol/plain-text.ts';
import { Nullable } from './chat.ts';

const Time = Type.Integer({ description: 'Milliseconds since 1970' });

/** Names and values that nodes are told apart by, such as `room=attic`. */
export const Labels = Type.Record(
  Type.String({ pattern: '^[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?$' }),
  Type.String({ maxLength: 64, pattern: PLAIN_TEXT }),
  { maxProperties: 32, additionalProperties: false },
);
export type Labels = Static<typeof Labels>;

/** `POST /v1/admin/pairing-codes` */
export const NewPairingCode = Type.Object(
  {
    labels: Type.Optional(Labels),
    /** The relay's address for the link; by default the one this request came to. */
    relay: Type.Optional(Type.String({ pattern: '^https?://[^\\s]+$', maxLength: 256 })),
  },
  { additionalProperties: false, examples: [{ labels: { room: 'attic' } }] },
);

export const PairingCode = Type.Object({
  id: Type.String({ description: 'Names the code without telling it' }),
  code: Type.String(),
  link: Type.String(),
  expiresAt: Time,
});
export type PairingCode = Static<typeof PairingCode>;

/** A code as the operator sees it later. The code itself is told once and kept by nobody. */
export const ListedCode = Type.Object({
  id: Type.String(),
  state: Type.Union([Type.Literal('open'), Type.Literal('used'), Type.Literal('expired')], {
    description: '`expired` is also one that was withdrawn',
  }),
  labels: Labels,
  createdAt: Time,
  expiresAt: Time,
  usedAt: Nullable(Time),
  usedBy: Nullable(Type.String({ description: 'Id of the node' })),
});
export type ListedCode = Static<typeof ListedCode>;

/** `GET /v1/admin/pairing-codes`: of the last day, newest first, at most 1,000. */
export const ListedCodes = Type.Object({ data: Type.Array(ListedCode), next: Type.Null() });
export type ListedCodes = Static<typeof ListedCodes>;

/** A node and how it stands with the relay. */
export const NodeStanding = Type.Object({
  nodeId: Type.String(),
  name: Type.String(),
  publicKey: Type.String(),
  state: Type.Union([Type.Literal('active'), Type.Literal('pending'), Type.Literal('revoked')]),
  trust: Type.Union([
    Type.Literal('paired'),
    Type.Literal('local'),
    Type.Literal('approved'),
    Type.Literal('probation'),
  ]),
  labels: Labels,
  firstSeenAt: Time,
  pairedAt: Nullable(Time),
  lastSeenAt: Nullable(Time),
  revokedAt: Nullable(Time),
});
export type NodeStanding = Static<typeof NodeStanding>;

/** `POST /v1/admin/nodes/{id}/revoke` */
export const RevokedNode = Type.Object({
  ...NodeStanding.properties,
  connectionCut: Type.Boolean({ description: 'Whether the bus has been told; if not, it is as soon as it is back' }),
});
export type RevokedNode = Static<typeof RevokedNode>;

/** `DELETE /v1/admin/nodes/{id}` */
export const ForgottenNode = Type.Object({
  nodeId: Type.String(),
  name: Type.String(),
  connectionCut: Type.Boolean({
    description: 'Whether the bus has been told that its credentials are void; if not, it is as soon as it is back',
  }),
});
export type ForgottenNode = Static<typeof ForgottenNode>;
