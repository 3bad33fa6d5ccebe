import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';

/** The file of a node's folder that says which relay let the node in last, and under which name. */
export const REMEMBERED_RELAY_FILE = 'relay.json';

const RememberedRelay = Type.Object({
  relay: Type.String({ pattern: '^https?://[^\\s/]+' }),
  /** A node's id is made of it, so that another one, such as a new host name, would make the node a stranger. */
  name: Type.String({ minLength: 1, maxLength: 64 }),
});
export type RememberedRelay = Static<typeof RememberedRelay>;

export function rememberedRelayText(remembered: RememberedRelay): string {
  return `${JSON.stringify(remembered)}\n`;
}

/** Undefined for a text that is none of ours. */
export function parseRememberedRelay(text: string): RememberedRelay | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Value.Check(RememberedRelay, value) && URL.canParse(value.relay) ? value : undefined;
  } catch {
    return undefined;
  }
}
