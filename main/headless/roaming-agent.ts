import type { Agent } from '../../shared/agent/agent.ts';
import { originOf, type RelayPins } from '../../shared/agent/relay-conversation.ts';
import type { MdnsNetwork } from '../../shared/discovery/mdns-network.ts';
import { discoverRelay, findRelayAgain } from './discovery/discover-relay.ts';
import { followRelay } from './discovery/follow-relay.ts';
import { type HeadlessAgentOptions, identityOf, pinsOf, startHeadlessAgent } from './headless-agent.ts';

export type RoamingAgentOptions = Omit<HeadlessAgentOptions, 'relayUrl'> & { network: MdnsNetwork };

/**
 * The node without a screen that discovers its relay, and finds it again when its address changes. Errors: those of
 * `discoverRelay` when there is no one relay to begin with.
 */
export async function startRoamingAgent(options: RoamingAgentOptions): Promise<{ agent: Agent; relayUrl: string }> {
  const { network, log, joinToken } = options;
  const relayUrl = await discoverRelay({ network, joinToken, say: options.onProgress, log });
  // Once: a keychain that is locked when the relay moves would end the node.
  const identity = options.identity ?? (await identityOf(options));
  const agent = await followRelay({
    relayUrl,
    start: (url) => startHeadlessAgent({ ...options, identity, relayUrl: url }),
    look: async (lostUrl) => {
      const pins = pinsOf({ ...options, relayUrl: lostUrl });
      const knownKey = await pins.read(originOf(lostUrl));
      const found = await findRelayAgain({ network, knownKey, log });
      if (found !== undefined && knownKey !== undefined) await expectSameRelay(pins, lostUrl, found, knownKey);
      return found;
    },
    onMove: (url) => options.onProgress(`the relay is at ${url} now`),
    now: Date.now,
    log,
  });
  return { agent, relayUrl };
}

/** What was announced may be a lie: at the new address the node takes the relay that it knows and no other. */
export async function expectSameRelay(
  pins: RelayPins,
  lostUrl: string,
  foundUrl: string,
  relayKey: string,
): Promise<void> {
  const authority = await pins.authority(originOf(lostUrl));
  await pins.write(originOf(foundUrl), relayKey, authority);
}
