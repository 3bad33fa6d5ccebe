import { createSteadyClock } from '../../../shared/clock/steady-clock.ts';
import { NOTHING_KNOWN, type Presence, UNKNOWN } from '../../../shared/preferences/presence.ts';

/** A sensor of a part of presence, and how often it is asked; asking may take a program of the system. */
export type Sensor = {
  everyMs: number | (() => number);
  /** How often while it sees nothing, because its program is not there; as often as ever when absent. */
  everyMsWhenBlind?: number;
  /** Whether anybody needs it now; it is not asked where not, and what it said is forgotten. */
  isWanted?(): boolean;
  read(): Promise<Partial<Presence>>;
  /** Has it asked at once when the system tells of a change; returns how to stop. */
  watch?(changed: () => void): () => void;
};

export type PresenceWatch = {
  current(): Presence;
  /** Asks the sensors whose time has come, and those of the moment in any case; resolves when they have answered. */
  look(): Promise<void>;
  close(): void;
};

/**
 * Invariants: (1) a sensor that has not answered is not asked again; what it was told meanwhile has it asked when it has; (2)
 * one that fails or says nothing leaves `unknown`, never its last word; (3) a slow sensor holds up no other; (4) what watches
 * begins with the first look and ends with the last.
 */
export function watchPresence(
  sensors: readonly Sensor[],
  readNow: () => Partial<Presence>,
  onChange: () => void,
  now: () => number,
): PresenceWatch {
  const steady = createSteadyClock(now);
  let slow: Partial<Presence> = {};
  let current: Presence = { ...NOTHING_KNOWN, ...readNow() };
  let stops: (() => void)[] | undefined;
  let isClosed = false;
  const askedAt = new Map<Sensor, number>();
  const asking = new Set<Sensor>();
  const blind = new Set<Sensor>();
  const outdated = new Set<Sensor>();
  const known = new Map<Sensor, (keyof Presence)[]>();
  const update = (): void => {
    const next = { ...NOTHING_KNOWN, ...slow, ...readNow() };
    const isSame = JSON.stringify(next) === JSON.stringify(current);
    current = next;
    if (!isSame) onChange();
  };
  const forget = (sensor: Sensor): void => {
    const forgotten = (known.get(sensor) ?? []).map((key) => [key, NOTHING_KNOWN[key]]);
    known.delete(sensor);
    slow = { ...slow, ...Object.fromEntries(forgotten) };
  };
  const ask = async (sensor: Sensor): Promise<void> => {
    asking.add(sensor);
    askedAt.set(sensor, steady());
    const answer = await sensor.read().catch(() => ({}) as Partial<Presence>);
    asking.delete(sensor);
    if (Object.values(answer).every((value) => value === UNKNOWN)) blind.add(sensor);
    else blind.delete(sensor);
    forget(sensor);
    known.set(sensor, Object.keys(answer) as (keyof Presence)[]);
    slow = { ...slow, ...answer };
    update();
    if (outdated.delete(sensor)) changed(sensor);
  };
  const changed = (sensor: Sensor): void => {
    if (asking.has(sensor)) outdated.add(sensor);
    else if (!isClosed && sensor.isWanted?.() !== false) void ask(sensor);
  };
  const isDue = (sensor: Sensor): boolean => {
    if (sensor.isWanted?.() === false) {
      forget(sensor);
      blind.delete(sensor);
      askedAt.delete(sensor);
      return false;
    }
    const often = typeof sensor.everyMs === 'number' ? sensor.everyMs : sensor.everyMs();
    const everyMs = blind.has(sensor) ? (sensor.everyMsWhenBlind ?? often) : often;
    return !asking.has(sensor) && steady() - (askedAt.get(sensor) ?? Number.NEGATIVE_INFINITY) >= everyMs;
  };
  const begin = (): (() => void)[] =>
    sensors
      .filter((sensor) => sensor.isWanted?.() !== false)
      .map((sensor) => sensor.watch?.(() => changed(sensor)) ?? (() => undefined));
  return {
    current: () => current,
    look: async () => {
      stops ??= begin();
      const due = sensors.filter(isDue);
      update();
      await Promise.all(due.map(ask));
    },
    close: () => {
      isClosed = true;
      for (const stop of stops ?? []) stop();
      stops = [];
    },
  };
}
