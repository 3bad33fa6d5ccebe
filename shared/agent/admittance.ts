import type { PairingInvitation } from '../identity/pairing-link.ts';
import { Problem } from '../problems/problem.ts';
import { type EnrollOptions, enroll, type NodeCredentials } from './enroll.ts';
import type { AgentLog } from './log.ts';
import { pair } from './pair.ts';
import { originOf } from './relay-conversation.ts';

export type AdmittanceOptions = EnrollOptions & { invitation?: PairingInvitation | undefined; log: AgentLog };

/**
 * How a node gets its credentials: by its key where the relay knows it, else by its invitation.
 *
 * Invariants: (1) an invitation is used once; a node that is started with a spent one enrols by its key; (2) an
 * invitation that the operator gave now counts more than what was pinned before.
 */
export function createAdmittance(): (options: AdmittanceOptions) => Promise<NodeCredentials> {
  let invited = true;
  return async (options) => {
    const { invitation } = options;
    if (invitation === undefined || !invited) return enroll(options);
    if (await isKnownRelay(options, invitation)) {
      const credentials = await enroll(options).catch(unlessInvitationHelps);
      if (credentials !== undefined) return credentials;
    }
    const outcome = await pair(options, invitation);
    invited = false;
    if (outcome.state === 'active') {
      options.log.info({ node: outcome.credentials.nodeId, relay: options.relayUrl }, 'the node is paired');
      return outcome.credentials;
    }
    throw new Problem('node_pending', `The node ${outcome.nodeId} waits until the operator of the relay approves it.`);
  };
}

async function isKnownRelay(options: AdmittanceOptions, { relayKey, authority }: PairingInvitation): Promise<boolean> {
  const origin = originOf(options.relayUrl);
  const pinned = await options.pins.read(origin);
  const isNewAuthority = authority !== undefined && authority !== (await options.pins.authority(origin));
  return pinned !== undefined && (relayKey === undefined || relayKey === pinned) && !isNewAuthority;
}

function unlessInvitationHelps(error: unknown): undefined {
  const code = error instanceof Problem ? error.code : undefined;
  if (code !== 'pairing_required' && code !== 'relay_identity_changed') throw error;
}
