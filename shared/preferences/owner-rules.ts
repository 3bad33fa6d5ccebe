import { type Static, Type } from 'typebox';
import type { Preferences } from './preferences.ts';
import { type Presence, UNKNOWN } from './presence.ts';

/** What of a machine's presence a rule has to be told of. */
export type Need = Exclude<keyof Presence, 'suspending' | 'locked'>;

type Rule = {
  /** Its place in the preferences. */
  readonly rule: string;
  readonly needs: Need;
  /** Whether the owner has set it so that what is told makes a difference. */
  readonly isSet: (preferences: Preferences) => boolean;
};

/** The rules that depend on what goes on at the machine; all others hold wherever a node runs. */
const RULES: readonly Rule[] = [
  { rule: 'games.programs', needs: 'programs', isSet: ({ games }) => games.programs.length > 0 },
  { rule: 'games.detect', needs: 'game', isSet: ({ games }) => games.detect },
  { rule: 'games.detect', needs: 'full_screen', isSet: ({ games }) => games.detect },
  {
    rule: 'other_gpu_load_percent',
    needs: 'other_gpu_percent',
    isSet: ({ other_gpu_load_percent: most }) => most !== null,
  },
  { rule: 'contribute_on_battery', needs: 'power', isSet: ({ contribute_on_battery }) => !contribute_on_battery },
  { rule: 'contribute_when_hot', needs: 'heat', isSet: ({ contribute_when_hot }) => !contribute_when_hot },
  {
    rule: 'contribute_on_metered_network',
    needs: 'metered',
    isSet: ({ contribute_on_metered_network }) => !contribute_on_metered_network,
  },
  {
    rule: 'away_after_s',
    needs: 'idle_s',
    isSet: ({ profiles: { here, away } }) =>
      here.contribute !== away.contribute || here.slots !== away.slots || here.duty_percent !== away.duty_percent,
  },
];

/** A rule that the owner has set, and whether it is followed: it is not where the system does not tell what it needs. */
export const SetRule = Type.Object({
  rule: Type.String(),
  /** A sensor; a later version may know others. */
  needs: Type.String(),
  followed: Type.Boolean(),
});
export type SetRule = Static<typeof SetRule>;

/** The rules that the owner has set, as they hold with what is told of the machine now. */
export function rulesInForce(preferences: Preferences, presence: Presence): SetRule[] {
  return setBy(preferences).map(({ rule, needs }) => ({ rule, needs, followed: presence[needs] !== UNKNOWN }));
}

/** What has to be looked at for these preferences, and no more. */
export function needsOf(preferences: Preferences): ReadonlySet<keyof Presence> {
  return new Set(setBy(preferences).map(({ needs }) => needs));
}

function setBy(preferences: Preferences): readonly Rule[] {
  return RULES.filter(({ isSet }) => isSet(preferences));
}

const WORDS: Readonly<Record<Need, string>> = {
  programs: 'programs that you name',
  game: 'games',
  full_screen: 'full-screen programs',
  other_gpu_percent: 'other load on the GPU',
  power: 'battery',
  heat: 'heat',
  metered: 'metered networks',
  idle_s: 'keyboard and mouse',
};

/** All that a system may tell a node without a screen, as a list for a person. */
export const TOLD_BY_SYSTEMS = listOf(Object.keys(WORDS).filter((need) => need !== 'idle_s'));

/** What rules need, as a list for a person. */
export function needsText(rules: readonly SetRule[]): string {
  return listOf(rules.map(({ needs }) => needs));
}

function listOf(needs: readonly string[]): string {
  return needs.map((need) => (Object.hasOwn(WORDS, need) ? WORDS[need as Need] : need)).join(', ');
}
