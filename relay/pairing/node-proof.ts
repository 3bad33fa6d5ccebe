import { nodeStatement, type PairingTranscript } from '../../shared/identity/pairing-transcript.ts';
import { isSignedBy } from '../../shared/identity/signer.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { base64UrlToBytes } from '../../shared/protocol/base64.ts';
import { PROTOCOL_VERSION } from '../../shared/protocol/limits.ts';
import type { CompletePairing } from '../../shared/protocol/pairing.ts';
import { readNodeKey } from '../tls/node-key.ts';
import type { Challenges } from './challenges.ts';

/** What a node sends of the conversation; the rest of the transcript the relay knows by itself. */
export type Signed = Pick<CompletePairing, 'publicKey' | 'name' | 'proof'>;

/** A conversation in which the node has proved its key, and the bytes it signed. */
export type ProvenConversation = { transcript: PairingTranscript; statement: Uint8Array };

export type NodeProofs = {
  /**
   * Writes the transcript anew and checks the node's signature under it. `codeId` is null without a code; then the node
   * enrols, unless it says that it asks for its records.
   * Errors: `pairing_challenge_invalid`, `pairing_proof_invalid`, `invalid_value`.
   */
  check(signed: Signed, codeId: string | null, purpose?: 'records'): Promise<ProvenConversation>;
  /** Uses the challenge up. Errors: `pairing_challenge_invalid` when somebody was quicker. */
  spend(conversation: ProvenConversation): void;
};

export type NodeProofOptions = {
  challenges: Challenges;
  relayKey: string;
  publicUrl: string | undefined;
  /** Fingerprint of the relay's own certificate authority. */
  authority: string | undefined;
};

export function createNodeProofs({ challenges, relayKey, publicUrl, ...own }: NodeProofOptions): NodeProofs {
  const origin = publicUrl === undefined ? undefined : new URL(publicUrl).origin;
  return {
    check: async ({ publicKey, name, proof }, codeId, purpose) => {
      const { relay, nonce, challenge, signature, authority, tlsKey } = proof;
      if (!challenges.isOpen(challenge, { publicKey, name, nonce })) throw challengeInvalid();
      if (tlsKey !== undefined) readNodeKey(tlsKey);
      const transcript: PairingTranscript = {
        protocol: PROTOCOL_VERSION,
        purpose: purpose ?? (codeId === null ? 'enroll' : 'pair'),
        relay,
        relayKey,
        nodeKey: publicKey,
        nodeName: name,
        nodeNonce: nonce,
        challenge,
        codeId,
        authority,
        tlsKey,
      };
      const statement = nodeStatement(transcript);
      const bytes = base64UrlToBytes(signature);
      if (bytes === undefined || !(await isSignedBy(publicKey, statement, bytes))) throw proofInvalid();
      if (origin !== undefined && origin !== relay) throw otherAddress(relay, origin);
      if (authority !== undefined && authority !== own.authority) throw otherAuthority();
      return { transcript, statement };
    },
    spend: ({ transcript }) => {
      if (!challenges.spend(transcript.challenge)) throw challengeInvalid();
    },
  };
}

function challengeInvalid(): Problem {
  return new Problem(
    'pairing_challenge_invalid',
    'The challenge was used, is too old or is from another relay. Ask for a new one.',
  );
}

function proofInvalid(): Problem {
  return new Problem(
    'pairing_proof_invalid',
    'The signature is not of this node, for this relay and this challenge. Start the conversation anew.',
  );
}

function otherAddress(relay: string, origin: string): Problem {
  return new Problem('pairing_proof_invalid', `This relay is not ${relay}. Its address is ${origin}.`);
}

function otherAuthority(): Problem {
  return new Problem(
    'pairing_proof_invalid',
    "The node met a certificate that is not of this relay's authority: somebody stands in between, or a proxy whose certificate the node's system should know (NODE_EXTRA_CA_CERTS).",
  );
}
