import { Problem } from '../../shared/problems/problem.ts';
import type { KnownNode } from '../store/pairing-store.ts';

/** What lets a node in: this machine, the admin token, a one-time code, its known key, or an open door. */
export type Admittance = 'local' | 'admin' | 'code' | 'key';

export type AdmissionRules = {
  /** Strangers may join, on probation. */
  open: boolean;
  /** Nodes that come from elsewhere wait until the operator lets them in. */
  approve: boolean;
};

export type Applicant = {
  nodeId: string;
  publicKey: string;
  name: string;
  admittance: Admittance;
  /** The operator has forgotten the node of this key. */
  isForgotten?: boolean;
  /** Of the code, for a node that is paired with one. */
  labels?: Record<string, string>;
};

/**
 * How a node stands after it has shown what it has. Pure; a revoked key was refused before.
 * Errors: `pairing_required` for a stranger at a closed door.
 */
export function decideAdmission(
  applicant: Applicant,
  known: KnownNode | undefined,
  rules: AdmissionRules,
  now: number,
): KnownNode {
  const { nodeId, publicKey, name, admittance } = applicant;
  const fresh: KnownNode = {
    nodeId,
    publicKey,
    name,
    firstSeenAt: now,
    state: rules.approve ? 'pending' : 'active',
    trust: 'probation',
    labels: {},
    pairedAt: null,
    lastSeenAt: now,
    revokedAt: null,
  };
  // The key that was shown: the store refuses it for an id that belongs to another.
  const node = { ...(known ?? fresh), publicKey, lastSeenAt: now };
  switch (admittance) {
    case 'local':
      // Whoever works on the relay's machine could read its keys anyway.
      return { ...node, state: 'active', trust: node.trust === 'paired' ? 'paired' : 'local' };
    case 'admin':
      return { ...node, state: 'active', trust: 'paired', pairedAt: node.pairedAt ?? now };
    case 'code':
      return { ...node, trust: 'paired', pairedAt: now, labels: { ...node.labels, ...applicant.labels } };
    case 'key':
      // Also at an open door: whoever took it out of the list does not want it back by itself.
      if (known === undefined && (!rules.open || applicant.isForgotten === true)) throw pairingRequired();
      return node;
  }
}

export function pairingRequired(): Problem {
  return new Problem(
    'pairing_required',
    'This relay does not know this node. Ask its operator for a code ("sparewatt pair") and start the node with --pair CODE.',
  );
}
