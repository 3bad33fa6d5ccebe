import type { Authenticator } from 'nats.ws';
import { createNKey, type NKey } from '../../../relay/fabric/bus/nkey.ts';
import { bytesToBase64Url } from '../../../shared/protocol/base64.ts';

export type NodeIdentity = { readonly publicKey: string; readonly seed: Uint8Array };

/** The key of a new node, as an agent takes it. */
export function newNodeIdentity(): NodeIdentity {
  return identityOf(createNKey('user'));
}

export function identityOf({ publicKey, seed }: NKey): NodeIdentity {
  return { publicKey, seed: new TextEncoder().encode(seed) };
}

/** As nats.ws's `jwtAuthenticator`, which signs in JavaScript and takes 8 ms for it. */
export function authenticatorOf(jwt: string, { publicKey, sign }: Pick<NKey, 'publicKey' | 'sign'>): Authenticator {
  const encoder = new TextEncoder();
  return (nonce = '') => ({ jwt, nkey: publicKey, sig: bytesToBase64Url(sign(encoder.encode(nonce))) });
}
