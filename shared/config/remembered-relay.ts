import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';

/** The file of a node's folder that says which relay let the node in last. */
export const REMEMBERED_RELAY_FILE = 'relay.json';

const RememberedRelay = Type.Object({ relay: Type.String({ pattern: '^https?://[^\\s/]+' }) });
type RememberedRelay = Static<typeof RememberedRelay>;

export function rememberedRelayText(relay: string): string {
  return `${JSON.stringify({ relay } satisfies RememberedRelay)}\n`;
}

/** The address of the relay, or undefined for a text that is none of ours. */
export function parseRememberedRelay(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Value.Check(RememberedRelay, value) && URL.canParse(value.relay) ? value.relay : undefined;
  } catch {
    return undefined;
  }
}
