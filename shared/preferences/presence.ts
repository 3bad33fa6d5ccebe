import { type Static, Type } from 'typebox';

/** What this machine cannot tell. It is said as such and never guessed. */
export const UNKNOWN = 'unknown';
const Unknown = Type.Literal(UNKNOWN);

/** What goes on at a machine, as its sensors see it. */
export const Presence = Type.Object({
  /** Seconds without keyboard and mouse. */
  idle_s: Type.Union([Type.Number({ minimum: 0 }), Unknown]),
  locked: Type.Union([Type.Boolean(), Unknown]),
  power: Type.Union([Type.Literal('mains'), Type.Literal('battery'), Unknown]),
  heat: Type.Union([Type.Literal('normal'), Type.Literal('hot'), Unknown]),
  /** Names of programs that run. */
  programs: Type.Union([Type.Array(Type.String()), Unknown]),
  /** The game that runs, null when none does; those that cannot be seen as games are among the programs. */
  game: Type.Union([Type.String(), Type.Null(), Unknown]),
  full_screen: Type.Union([Type.Boolean(), Unknown]),
  /** The busiest GPU's load by anybody but this app. */
  other_gpu_percent: Type.Union([Type.Number({ minimum: 0, maximum: 100 }), Unknown]),
  metered: Type.Union([Type.Boolean(), Unknown]),
  /** The machine goes to sleep. */
  suspending: Type.Boolean(),
});
export type Presence = Static<typeof Presence>;

/** A machine of which nothing is known. */
export const NOTHING_KNOWN: Presence = {
  idle_s: UNKNOWN,
  locked: UNKNOWN,
  power: UNKNOWN,
  heat: UNKNOWN,
  programs: UNKNOWN,
  game: UNKNOWN,
  full_screen: UNKNOWN,
  other_gpu_percent: UNKNOWN,
  metered: UNKNOWN,
  suspending: false,
};

/** The sensors that say nothing here, for the window to name. */
export function unknownSensors(presence: Presence): (keyof Presence)[] {
  return (Object.keys(presence) as (keyof Presence)[]).filter((sensor) => presence[sensor] === UNKNOWN);
}
