import { type Static, Type } from 'typebox';
import { isSignedBy } from '../../identity/signer.ts';
import { base64UrlToBytes } from '../../protocol/base64.ts';
import { canonicalJson } from '../canonical-json.ts';

const Sha256Hex = Type.String({ pattern: '^[0-9a-f]{64}$' });

/** What the relay vouches for: its log had exactly this content when it held this many receipts. */
export const TreeHead = Type.Object(
  {
    v: Type.Literal(1),
    size: Type.Integer({ minimum: 0 }),
    root: Sha256Hex,
    /** When it was signed, milliseconds since 1970. */
    signedAt: Type.Integer({ minimum: 0 }),
    relayKey: Type.String({ pattern: '^N[A-Z2-7]{55}$' }),
    /** Ed25519, base64url. */
    signature: Type.String({ pattern: '^[\\w-]{86}$' }),
  },
  { additionalProperties: false },
);
export type TreeHead = Static<typeof TreeHead>;

/** That the tree of `from` receipts is a beginning of the tree of `to`: sibling hashes of RFC 6962, hex. */
export const ConsistencyProof = Type.Object({ from: TreeHead, to: TreeHead, path: Type.Array(Sha256Hex) });
export type ConsistencyProof = Static<typeof ConsistencyProof>;

/** What the relay signs of a head. */
export function treeHeadBytes({ v, size, root, signedAt, relayKey }: Omit<TreeHead, 'signature'>): Uint8Array {
  const text = canonicalJson({ v, size, root, signedAt, relayKey });
  return new TextEncoder().encode(`sparewatt receipt log, head 1\n${text}`);
}

export async function isHeadSigned(head: TreeHead): Promise<boolean> {
  const signature = base64UrlToBytes(head.signature);
  return signature !== undefined && (await isSignedBy(head.relayKey, treeHeadBytes(head), signature));
}
