import { localWallClock, parseWeeklyHours, type WallClock } from '../policy/weekly-hours.ts';
import type { Preferences, Profile } from './preferences.ts';
import { type Presence, UNKNOWN } from './presence.ts';
import { reasonInFull } from './reasons.ts';
import type { Why } from './why.ts';
import { type Wish, wishAt } from './wish.ts';

/** Why a machine yields to its owner; the relay hears the code and never more. */
export const YIELD_CODES = [
  'paused',
  'finishing',
  'sleep',
  'session_end',
  'game',
  'full_screen',
  'heat',
  'battery',
  'gpu_busy',
  'metered',
  'hours',
  'in_use',
] as const;
export type YieldCode = (typeof YIELD_CODES)[number];

export type Contributing = {
  readonly contributing: true;
  readonly profile: keyof Preferences['profiles'];
  readonly slots: number;
  readonly why: Why;
  /** The same as one English line for the owner. */
  readonly reason: string;
  /** When this ends by itself; null when that is not known. */
  readonly until: number | null;
};
export type Yielding = {
  readonly contributing: false;
  readonly code: YieldCode;
  /** It may name a program; it stays on this machine. */
  readonly why: Why;
  /** The same as one English line for the owner. */
  readonly reason: string;
  readonly until: number | null;
  /** Whether what runs may end in peace. */
  readonly finishRunning: boolean;
};
export type Contribution = Contributing | Yielding;

/** When a decision is made: `wall` reads the clock that the schedule means. */
export type Clock = { readonly now: number; readonly wish: Wish; readonly wall?: WallClock };

/**
 * Whether the machine contributes now, or yields and why. Pure. What the owner said by hand comes first, then what is
 * dear or harmful to them, then schedule and profile, which `insist` outweighs. What a sensor cannot tell yields to nobody,
 * but for the profile: one who may be here is here.
 */
export function decide(preferences: Preferences, presence: Presence, { now, wish: said, wall }: Clock): Contribution {
  const wish = wishAt(said, now);
  const stopped = byHand(wish) ?? byCare(preferences, presence);
  if (stopped !== undefined) return stopped;
  const profile = profileOf(preferences, presence);
  const { contribute, slots } = preferences.profiles[profile];
  if (wish.state === 'insist') {
    return { contributing: true, profile, slots, ...explained({ is: 'insisting' }), until: wish.until };
  }
  const hours = preferences.policy.hours && parseWeeklyHours(preferences.policy.hours, wall);
  const changesAt = hours?.changesAt(now) ?? null;
  if (hours !== undefined && !hours.isOpen(now)) {
    const opensAt = changesAt === null ? null : (wall ?? localWallClock)(changesAt);
    return { ...yielding('hours', { is: 'hours', opensAt }, changesAt), finishRunning: finishes(preferences) };
  }
  if (!contribute) return yielding('in_use', inUse(preferences, presence, profile));
  return { contributing: true, profile, slots, ...explained(contributingWhy(presence, profile)), until: changesAt };
}

/** What the owner has said by hand and holds now; undefined when that closes nothing. */
export function byHand(wish: Wish): Yielding | undefined {
  if (wish.state === 'finish') {
    return { ...yielding('finishing', { is: 'finishing' }), finishRunning: true };
  }
  if (wish.state !== 'paused') return undefined;
  return yielding('paused', { is: wish.until === null ? 'paused_until_resumed' : 'paused' }, wish.until);
}

/** While the session of the system ends, or is asked to: until then, at most, since another program may call that off. */
export function bySessionEnd(until: number): Yielding {
  return yielding('session_end', { is: 'session_end' }, until);
}

/** What harms the machine, or costs the owner something. */
export function byCare(preferences: Preferences, presence: Presence): Yielding | undefined {
  if (presence.suspending) return yielding('sleep', { is: 'sleep' });
  const program = exclusiveProgram(preferences, presence);
  if (program !== undefined) return yielding('game', { is: 'program', program });
  if (preferences.games.detect) {
    if (typeof presence.game === 'string' && presence.game !== UNKNOWN) {
      return yielding('game', { is: 'game', game: presence.game });
    }
    if (presence.full_screen === true) return yielding('full_screen', { is: 'full_screen' });
  }
  if (presence.heat === 'hot' && !preferences.contribute_when_hot) {
    return yielding('heat', { is: 'heat' });
  }
  if (presence.power === 'battery' && !preferences.contribute_on_battery) return yielding('battery', { is: 'battery' });
  const load = presence.other_gpu_percent;
  const most = preferences.other_gpu_load_percent;
  if (load !== UNKNOWN && most !== null && load > most) {
    return yielding('gpu_busy', { is: 'gpu_busy', percent: load });
  }
  if (presence.metered === true && !preferences.contribute_on_metered_network) {
    return yielding('metered', { is: 'metered' });
  }
  return undefined;
}

function exclusiveProgram({ games }: Preferences, { programs }: Presence): string | undefined {
  if (programs === UNKNOWN || games.programs.length === 0) return undefined;
  const running = new Map(programs.map((name) => [comparable(name), name]));
  return games.programs.map((name) => running.get(comparable(name))).find((name) => name !== undefined);
}

function comparable(program: string): string {
  return program.toLowerCase().replace(/\.exe$/, '');
}

function profileOf({ away_after_s }: Preferences, { idle_s, locked }: Presence): keyof Preferences['profiles'] {
  if (locked === true) return 'away';
  return idle_s !== UNKNOWN && idle_s >= away_after_s ? 'away' : 'here';
}

function contributingWhy({ idle_s, locked }: Presence, profile: keyof Preferences['profiles']): Why {
  if (profile === 'away') return { is: 'away' };
  return { is: idle_s === UNKNOWN && locked === UNKNOWN ? 'maybe_here' : 'here' };
}

function inUse({ away_after_s }: Preferences, { idle_s }: Presence, profile: keyof Preferences['profiles']): Why {
  if (profile === 'away') return { is: 'not_while_away' };
  return idle_s === UNKNOWN ? { is: 'in_use_maybe' } : { is: 'in_use', idle_s, away_after_s };
}

function explained(why: Why): { why: Why; reason: string } {
  return { why, reason: reasonInFull(why, 'en') };
}

function finishes({ finish_at_schedule_end }: Preferences): boolean {
  return finish_at_schedule_end;
}

function yielding(code: YieldCode, why: Why, until: number | null = null): Yielding {
  return { contributing: false, code, ...explained(why), until, finishRunning: false };
}

/** The profile that holds now, for whoever shows it. */
export function currentProfile(preferences: Preferences, presence: Presence): Profile {
  return preferences.profiles[profileOf(preferences, presence)];
}
