import type { Contributing, Contribution, Yielding } from '../preferences/contribution.ts';
import { reasonInFull } from '../preferences/reasons.ts';
import type { Why } from '../preferences/why.ts';
import type { AppState, RelayLink } from './app-state.ts';

/** What a node is doing, in one line. */
export type Headline = Pick<AppState, 'contributing' | 'code' | 'reason' | 'until'>;
type Decided = Omit<Contributing, 'why'> | Omit<Yielding, 'why'>;

/**
 * One state and one line: what the owner decided comes before what the relay does. `nothing` is why no job can come although
 * both are there.
 */
export function headline(contribution: Decided, relay: RelayLink, nothing: Why | undefined): Headline {
  const { reason, until } = contribution;
  if (!contribution.contributing) return { contributing: false, code: contribution.code, reason, until };
  const why = whyOfRelay(relay) ?? nothing;
  if (why === undefined) return { contributing: true, code: 'contributing', reason, until };
  return { contributing: false, code: why.is, reason: reasonInFull(why, 'en'), until: null };
}

/** The same with its details, for whoever says it in the words of a language. */
export function whyOf({ contributing, why }: Contribution, relay: RelayLink, nothing: Why | undefined): Why {
  return (contributing ? (whyOfRelay(relay) ?? nothing) : undefined) ?? why;
}

/** Why a relay gives no work; undefined while it can. */
function whyOfRelay(relay: RelayLink): Why | undefined {
  switch (relay.state) {
    case 'unpaired':
      return { is: 'unpaired' };
    case 'key_store_locked':
      return { is: 'key_store_locked' };
    case 'connecting':
      return { is: 'unreachable', relay: relay.relay };
    case 'refused':
      return { is: 'refused', code: relay.code, detail: relay.detail };
    case 'connected':
      return undefined;
  }
}

/** Whether it would change anything that the owner says "contribute": not what is there to spare them, nor what a relay does. */
export function contributingHelps({
  contributing,
  code,
  wish,
}: Pick<AppState, 'contributing' | 'code' | 'wish'>): boolean {
  if (contributing) return false;
  return wish.state === 'paused' || wish.state === 'finish' || code === 'hours' || code === 'in_use';
}
