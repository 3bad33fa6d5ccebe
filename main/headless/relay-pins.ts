import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { RelayPins } from '../../shared/agent/relay-conversation.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { SecretBox } from './secret-box.ts';

/** Keys of relays (`N…`) by origin. */
const Pins = Type.Record(Type.String(), Type.String({ pattern: '^N[A-Z2-7]{55}$' }));

/**
 * The relays this node knows. No secret, but kept like one: whoever can write it decides whom the node works for.
 * Errors: `data_folder_unusable` for a damaged file, rather than trusting the next relay that answers.
 */
export function relayPinsIn(box: SecretBox): RelayPins {
  return {
    read: async (origin) => {
      const pins = parsePins(await box.read(), box);
      return Object.hasOwn(pins, origin) ? pins[origin] : undefined;
    },
    write: async (origin, relayKey) => {
      const pins = parsePins(await box.read(), box);
      if (pins[origin] === relayKey) return;
      await box.write(`${JSON.stringify({ ...pins, [origin]: relayKey }, null, 2)}\n`);
    },
  };
}

function parsePins(text: string | undefined, box: SecretBox): Static<typeof Pins> {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (Value.Check(Pins, value)) return value;
  } catch {
    // Said below, whatever is wrong with it.
  }
  throw new Problem(
    'data_folder_unusable',
    `The known relays in ${box.where} cannot be read. Restore the file, or remove it and pair the node again.`,
  );
}
