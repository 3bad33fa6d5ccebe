import type { Preferences } from '../../../shared/preferences/preferences.ts';

/** What may be answered to "when may it work?". */
export type WhenAnswer = 'away' | 'always' | 'nights';

const NIGHTS = ['mon-fri 20:00-08:00', 'sat,sun 00:00-24:00'];

/** The preferences with that answer; what it does not speak of stays. Pure. */
export function withWhen(preferences: Preferences, answer: WhenAnswer): Preferences {
  const { hours: _, ...policy } = preferences.policy;
  const { here, away } = preferences.profiles;
  return {
    ...preferences,
    profiles: { here: { ...here, contribute: answer !== 'away' }, away: { ...away, contribute: true } },
    policy: answer === 'nights' ? { ...policy, hours: NIGHTS } : policy,
  };
}

/** The preferences with that answer; programs that were named before stay. Pure. */
export function withGames(preferences: Preferences, detect: boolean, programs: readonly string[] = []): Preferences {
  return { ...preferences, games: { detect, programs: [...new Set([...preferences.games.programs, ...programs])] } };
}
