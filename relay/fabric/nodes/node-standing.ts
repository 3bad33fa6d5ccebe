import type { NodeTrust } from '../../store/pairing-store.ts';

/** Whether new jobs may go to a node; `draining` is cordoned with the intent to stop it once its jobs have ended. */
export type NodeDuty = 'active' | 'cordoned' | 'draining';

/** How a node stands with its operator; outlives the node's sessions and the relay's restarts. */
export type NodeStanding = {
  readonly state: NodeDuty;
  /** Why, in the operator's words, and since when in milliseconds since 1970; null for a node nobody touched. */
  readonly reason: string | null;
  readonly since: number | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly trust: NodeTrust;
};

export const ACTIVE: NodeStanding = { state: 'active', reason: null, since: null, labels: {}, trust: 'local' };
