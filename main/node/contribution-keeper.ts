import type { NodePolicy } from '../../shared/policy/node-policy.ts';
import type { OwnerPolicy } from '../../shared/policy/owner-policy.ts';
import type { WallClock } from '../../shared/policy/weekly-hours.ts';
import { createCalm } from '../../shared/preferences/calm.ts';
import { bySessionEnd, type Contribution, decide } from '../../shared/preferences/contribution.ts';
import type { Preferences } from '../../shared/preferences/preferences.ts';
import type { Presence } from '../../shared/preferences/presence.ts';
import { INSIST_MS, type PauseLength, pauseEnd, type Wish, wishAt } from '../../shared/preferences/wish.ts';

/** What is asked of the host: an Electron app, or anything else that runs the node. */
export type ContributionPorts = {
  preferences(): Preferences;
  wish(): Wish;
  /** Written down before anything else happens, so that a restart finds it. */
  keepWish(wish: Wish): void;
  presence(): Presence;
  policy: OwnerPolicy;
  runningJobs(): number;
  /** Takes all models out of memory; settles when they are, within five seconds, by force if need be. */
  freeMemory(): Promise<void>;
  now: () => number;
  wall?: WallClock;
  onChange(): void;
};

export type ContributionKeeper = {
  current(): Contribution;
  /** Jobs at a time that the profile of the moment allows. */
  slots(): number;
  /** Decides anew; called at every change and at least once a second. */
  tick(): void;
  contribute(): void;
  pause(length: PauseLength): void;
  /** Pauses for any time; null is until the owner resumes. */
  pauseFor(ms: number | null): void;
  finishThenPause(): void;
  freeMemory(): Promise<void>;
  /** The session of the system is asked to end; one that has not within a minute goes on, and the node with it. */
  leave(): void;
};

/** Longer than a person takes to answer what holds a shutdown up, or to see that it was called off. */
const LEAVING_MS = 60_000;

/**
 * Carries out what the preferences decide.
 *
 * Invariants: (1) the node is closed in the same turn in which a reason is seen, before anything is freed; (2) memory is
 * freed once for each yield, when nothing runs any more or nothing is waited for; (3) after a reason that passes by
 * itself the node opens only when it has been away for a while; (4) a wish is kept before it is acted on.
 */
export function createContributionKeeper(ports: ContributionPorts): ContributionKeeper {
  const { policy, now } = ports;
  const calm = createCalm(now);
  let current: Contribution | undefined;
  let isFreed = false;
  let applied: Preferences | undefined;
  let appliedSlots: number | undefined;
  let isInsisting: boolean | undefined;
  let leavingUntil = Number.NEGATIVE_INFINITY;

  const decideNow = (): Contribution => {
    // A clock that was set back would hold it on.
    leavingUntil = Math.min(leavingUntil, now() + LEAVING_MS);
    if (now() < leavingUntil) return bySessionEnd(leavingUntil);
    const clock = { now: now(), wish: ports.wish(), ...(ports.wall === undefined ? {} : { wall: ports.wall }) };
    const next = decide(ports.preferences(), ports.presence(), clock);
    return calm(next.contributing ? undefined : next) ?? next;
  };

  const applyPolicy = (contribution: Contribution): void => {
    const preferences = ports.preferences();
    const insisting = wishAt(ports.wish(), now()).state === 'insist';
    const slots = contribution.contributing ? contribution.slots : appliedSlots;
    if (preferences === applied && insisting === isInsisting && slots === appliedSlots) return;
    applied = preferences;
    isInsisting = insisting;
    appliedSlots = slots;
    policy.replace(nodePolicyOf(preferences, insisting));
  };

  const tick = (): void => {
    endWish();
    const next = decideNow();
    const hasChanged = JSON.stringify(next) !== JSON.stringify(current);
    current = next;
    if (next.contributing) {
      isFreed = false;
      applyPolicy(next);
      policy.yieldToOwner(undefined);
    } else {
      policy.yieldToOwner({ code: next.code, until: next.until, finishRunning: next.finishRunning });
      applyPolicy(next);
      freeWhenDone(next.finishRunning);
    }
    if (hasChanged) ports.onChange();
  };

  /** A wish whose time has come is over, and one to finish is a pause when nothing runs. */
  const endWish = (): void => {
    const wish = ports.wish();
    const over = wishAt(wish, now());
    if (over !== wish) ports.keepWish(over);
    else if (wish.state === 'finish' && ports.runningJobs() === 0) ports.keepWish({ state: 'paused', until: null });
  };

  const freeWhenDone = (waits: boolean): void => {
    if (isFreed || (waits && ports.runningJobs() > 0)) return;
    isFreed = true;
    void ports.freeMemory().then(ports.onChange, ports.onChange);
  };

  const wish = (next: Wish): void => {
    ports.keepWish(next);
    tick();
  };

  tick();
  return {
    current: () => current ?? decideNow(),
    slots: () => appliedSlots ?? ports.preferences().profiles.here.slots,
    tick,
    contribute: () => {
      wish({ state: 'contribute' });
      // What schedule and profile forbid is what the person has just asked for, for a while.
      const outweighed = current !== undefined && !current.contributing && ['hours', 'in_use'].includes(current.code);
      if (outweighed) wish({ state: 'insist', until: now() + INSIST_MS });
    },
    pause: (length) => wish({ state: 'paused', until: pauseEnd(length, now()) }),
    pauseFor: (ms) => wish({ state: 'paused', until: ms === null ? null : now() + ms }),
    finishThenPause: () => wish({ state: 'finish' }),
    freeMemory: async () => {
      await ports.freeMemory();
      ports.onChange();
    },
    leave: () => {
      leavingUntil = now() + LEAVING_MS;
      tick();
    },
  };
}

/** The part that the node enforces itself; the rest closes it as a whole. */
export function nodePolicyOf(preferences: Preferences, isInsisting: boolean): NodePolicy {
  const { hours, ...policy } = preferences.policy;
  const finish_running = preferences.finish_at_schedule_end;
  return hours === undefined || isInsisting ? { ...policy, finish_running } : { ...policy, hours, finish_running };
}
