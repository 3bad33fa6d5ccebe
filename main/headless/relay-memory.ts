import { originOf, type RelayPins } from '../../shared/agent/relay-conversation.ts';
import { type RememberedRelay, rememberedRelayText } from '../../shared/config/remembered-relay.ts';
import type { SecretBox } from './secret-box.ts';

/**
 * Pins that also write down where the relay is and how it knows the node, so that a node that was let in need not be
 * told at its next start. A relay is pinned when the node is paired with it or first let in by it, and that is when it becomes the node's own.
 */
export function rememberingPins(pins: RelayPins, box: SecretBox, remembered: RememberedRelay): RelayPins {
  return {
    ...pins,
    authority: (origin) => pins.authority(origin),
    write: async (origin, relayKey, authority) => {
      await pins.write(origin, relayKey, authority);
      if (origin === originOf(remembered.relay)) await box.write(rememberedRelayText(remembered));
    },
  };
}
