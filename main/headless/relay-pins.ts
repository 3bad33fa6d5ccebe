import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { RelayPins } from '../../shared/agent/relay-conversation.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { SecretBox } from './secret-box.ts';

const RelayKey = Type.String({ pattern: '^N[A-Z2-7]{55}$' });
/** By origin: the relay's key alone, or with the fingerprint of its certificate authority. */
const Pins = Type.Record(
  Type.String(),
  Type.Union([RelayKey, Type.Object({ key: RelayKey, authority: Type.String({ pattern: '^[\\w-]{43}$' }) })]),
);
type Pins = Static<typeof Pins>;

/**
 * The relays this node knows. No secret, but kept like one: whoever can write it decides whom the node works for.
 * Errors: `data_folder_unusable` for a damaged file, rather than trusting the next relay that answers.
 */
export function relayPinsIn(box: SecretBox): RelayPins {
  const find = async (origin: string): Promise<Pins[string] | undefined> => {
    const pins = parsePins(await box.read(), box);
    return Object.hasOwn(pins, origin) ? pins[origin] : undefined;
  };
  return {
    read: async (origin) => {
      const pin = await find(origin);
      return typeof pin === 'object' ? pin.key : pin;
    },
    authority: async (origin) => {
      const pin = await find(origin);
      return typeof pin === 'object' ? pin.authority : undefined;
    },
    write: async (origin, key, authority) => {
      const text = await box.read();
      const pins = { ...parsePins(text, box), [origin]: authority === undefined ? key : { key, authority } };
      const written = `${JSON.stringify(pins, null, 2)}\n`;
      if (written !== text) await box.write(written);
    },
  };
}

function parsePins(text: string | undefined, box: SecretBox): Pins {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (Value.Check(Pins, value)) return value;
  } catch {
    // Said below, whatever is wrong with it.
  }
  throw new Problem(
    'data_folder_unusable',
    `The relays that this node knows cannot be read from ${box.where}. Restore it from a backup, or remove it and pair the node again.`,
  );
}
