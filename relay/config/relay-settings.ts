import { type Static, Type } from 'typebox';
import { RELAY_PLACE_SETTINGS } from './relay-place-settings.ts';
import { RELAY_WORK_SETTINGS } from './relay-work-settings.ts';

/** `[relay]` of the configuration file: what the coordinator can be told, in the order in which help and examples list it. */
export const RelaySettings = Type.Object(
  { ...RELAY_PLACE_SETTINGS, ...RELAY_WORK_SETTINGS },
  { additionalProperties: false },
);
export type RelaySettings = Static<typeof RelaySettings>;
