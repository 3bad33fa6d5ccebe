import type { Contribution } from '../preferences/contribution.ts';
import type { AppState, RelayLink } from './app-state.ts';

/** What a node is doing, in one line. */
export type Headline = Pick<AppState, 'contributing' | 'code' | 'reason' | 'until'>;

/** One state and one line: what the owner decided comes before what the relay does. */
export function headline(contribution: Contribution, relay: RelayLink): Headline {
  if (!contribution.contributing) {
    const { code, reason, until } = contribution;
    return { contributing: false, code, reason, until };
  }
  const stopped = { contributing: false, until: null };
  if (relay.state === 'unpaired')
    return { ...stopped, code: 'unpaired', reason: 'Paused: not paired with a relay yet' };
  if (relay.state === 'connecting')
    return { ...stopped, code: 'unreachable', reason: `Paused: waiting for the relay at ${relay.relay}` };
  if (relay.state === 'refused') return { ...stopped, code: 'refused', reason: `Paused: ${relay.detail}` };
  return { contributing: true, code: 'contributing', reason: contribution.reason, until: contribution.until };
}
