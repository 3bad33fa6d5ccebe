import { type Static, Type } from 'typebox';
import { BusPath, NodeName, NodeProof, Signature } from './pairing.ts';

/** `POST /v1/nodes/enroll`: a machine asks for credentials on the bus for its own key. */
export const EnrollRequest = Type.Object(
  {
    /** The node's Ed25519 public key as a NATS user key (`U…`, base32 with checksum). */
    publicKey: Type.String({ pattern: '^U[A-Z2-7]{55}$' }),
    /** A name its owner would recognise; becomes the readable part of the id. */
    name: NodeName,
    /** Shows that the node holds the key (SPEC P2). A relay asks it of every machine but its own. */
    proof: Type.Optional(NodeProof),
  },
  { additionalProperties: false },
);
export type EnrollRequest = Static<typeof EnrollRequest>;

export const EnrollResponse = Type.Object({
  nodeId: Type.String(),
  /** NATS user JWT: the rights of this node and no other. */
  jwt: Type.String(),
  /** Unix seconds after which the server cuts the connection; the node asks again before. */
  expiresAt: Type.Integer(),
  busPath: BusPath,
  /** The bus itself on the same machine, for a node that reaches it past the relay's process and so stays connected without it. */
  busUrl: Type.Optional(Type.String()),
  /** The node's TLS certificate, for the key of its proof and as long as the JWT; PEM. */
  certificate: Type.Optional(Type.String()),
  /** By which the relay's own TLS is verified; PEM. */
  authority: Type.Optional(Type.String()),
  /** Answers the node's proof: the relay's signature under the same conversation. */
  relaySignature: Type.Optional(Signature),
});
export type EnrollResponse = Static<typeof EnrollResponse>;
