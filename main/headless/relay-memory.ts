import { originOf, type RelayPins } from '../../shared/agent/relay-conversation.ts';
import { rememberedRelayText } from '../../shared/config/remembered-relay.ts';
import type { SecretBox } from './secret-box.ts';

/**
 * Pins that also write down where the relay is, so that a node that was let in needs no address at its next start. A
 * relay is pinned when the node is paired with it or first let in by it, and that is when it becomes the node's own.
 */
export function rememberingPins(pins: RelayPins, box: SecretBox, relayUrl: string): RelayPins {
  return {
    ...pins,
    authority: (origin) => pins.authority(origin),
    write: async (origin, relayKey, authority) => {
      await pins.write(origin, relayKey, authority);
      if (origin === originOf(relayUrl)) await box.write(rememberedRelayText(relayUrl));
    },
  };
}
