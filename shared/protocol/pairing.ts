import { type Static, Type } from 'typebox';
import { PLAIN_TEXT } from './plain-text.ts';

const NodeKey = Type.String({ pattern: '^U[A-Z2-7]{55}$' });
/** Anything a person would write. */
export const NodeName = Type.String({ minLength: 1, maxLength: 64, pattern: PLAIN_TEXT });
/** 128 random bits or more, base64url. */
const Nonce = Type.String({ pattern: '^[A-Za-z0-9_-]{22,86}$' });
const Challenge = Type.String({ pattern: '^[A-Za-z0-9_-]{40,256}$' });
const Origin = Type.String({ pattern: '^https?://[^/\\s]+$', maxLength: 256 });
/** Ed25519 or HMAC-SHA-256, base64url. */
export const Signature = Type.String({ pattern: '^[A-Za-z0-9_-]{43,86}$' });

/** ECDSA P-256, SPKI, base64url. */
const TlsKey = Type.String({ pattern: '^[A-Za-z0-9_-]{100,200}$' });
const Fingerprint = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' });

const strict = { additionalProperties: false };

/** `POST /v1/pairing/challenge`: begins a conversation. */
export const ChallengeRequest = Type.Object({ publicKey: NodeKey, name: NodeName, nonce: Nonce }, strict);
export type ChallengeRequest = Static<typeof ChallengeRequest>;

export const ChallengeResponse = Type.Object({
  relayPublicKey: Type.String({ pattern: '^N[A-Z2-7]{55}$' }),
  challenge: Challenge,
  /** Unix seconds after which the challenge is void. */
  expiresAt: Type.Integer(),
});
export type ChallengeResponse = Static<typeof ChallengeResponse>;

/** What a node signed, so that the relay can write the same transcript (`shared/identity/pairing-transcript.ts`). */
export const NodeProof = Type.Object(
  {
    relay: Origin,
    nonce: Nonce,
    challenge: Challenge,
    signature: Signature,
    /** The authority by which the node verified the relay's TLS; absent without TLS or where the system vouched. */
    authority: Type.Optional(Fingerprint),
    /** For which the node wants a certificate. */
    tlsKey: Type.Optional(TlsKey),
  },
  strict,
);
export type NodeProof = Static<typeof NodeProof>;

/** `POST /v1/pairing/complete`: a node shows its key and the code. */
export const CompletePairing = Type.Object(
  {
    publicKey: NodeKey,
    name: NodeName,
    proof: NodeProof,
    code: Type.Object({ id: Type.String({ pattern: '^[A-Za-z0-9_-]{16}$' }), proof: Signature }, strict),
  },
  strict,
);
export type CompletePairing = Static<typeof CompletePairing>;

const OrNull = <Schema extends Parameters<typeof Type.Union>[0][number]>(schema: Schema) =>
  Type.Union([schema, Type.Null()]);

/** WebSocket path on the relay that carries the bus; two slashes would name another host. */
export const BusPath = Type.String({ pattern: '^/$|^(?:/[A-Za-z0-9_-]+)+$', maxLength: 256 });

export const PairingResponse = Type.Object({
  nodeId: Type.String(),
  /** `pending` until the operator approves; there are no credentials before. */
  state: Type.Union([Type.Literal('active'), Type.Literal('pending')]),
  jwt: OrNull(Type.String()),
  expiresAt: OrNull(Type.Integer()),
  busPath: BusPath,
  busUrl: Type.Optional(Type.String()),
  certificate: Type.Optional(Type.String()),
  authority: Type.Optional(Type.String()),
  relaySignature: Signature,
  /** The relay knows the code too, which a relay that only stands in between does not. */
  codeProof: Signature,
});
export type PairingResponse = Static<typeof PairingResponse>;
