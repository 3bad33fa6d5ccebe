import { NOTHING_KNOWN, type Presence, UNKNOWN } from '../../shared/preferences/presence.ts';

/** A sensor of a part of presence, and how often it is asked; asking may take a program of the system. */
export type Sensor = {
  everyMs: number;
  /** How often while it sees nothing, because its program is not there; as often as ever when absent. */
  everyMsWhenBlind?: number;
  read(): Promise<Partial<Presence>>;
};

export type PresenceWatch = {
  current(): Presence;
  /** Asks the sensors whose time has come, and those of the moment in any case; resolves when they have answered. */
  look(): Promise<void>;
};

/**
 * Invariants: (1) a sensor that has not answered is not asked again; (2) one that fails or says nothing leaves `unknown`,
 * never its last word; (3) a slow sensor holds up no other.
 */
export function watchPresence(
  sensors: readonly Sensor[],
  readNow: () => Partial<Presence>,
  onChange: () => void,
  now: () => number,
): PresenceWatch {
  let slow: Partial<Presence> = {};
  let current: Presence = { ...NOTHING_KNOWN, ...readNow() };
  const nextAt = new Map<Sensor, number>();
  const asking = new Set<Sensor>();
  const known = new Map<Sensor, (keyof Presence)[]>();
  const update = (): void => {
    const next = { ...NOTHING_KNOWN, ...slow, ...readNow() };
    const isSame = JSON.stringify(next) === JSON.stringify(current);
    current = next;
    if (!isSame) onChange();
  };
  const ask = async (sensor: Sensor): Promise<void> => {
    asking.add(sensor);
    nextAt.set(sensor, now() + sensor.everyMs);
    const answer = await sensor.read().catch(() => ({}) as Partial<Presence>);
    asking.delete(sensor);
    const isBlind = Object.values(answer).every((value) => value === UNKNOWN);
    if (isBlind && sensor.everyMsWhenBlind !== undefined) nextAt.set(sensor, now() + sensor.everyMsWhenBlind);
    const forgotten = Object.fromEntries((known.get(sensor) ?? []).map((key) => [key, NOTHING_KNOWN[key]]));
    known.set(sensor, Object.keys(answer) as (keyof Presence)[]);
    slow = { ...slow, ...forgotten, ...answer };
    update();
  };
  return {
    current: () => current,
    look: async () => {
      update();
      const due = sensors.filter((sensor) => !asking.has(sensor) && now() >= (nextAt.get(sensor) ?? 0));
      await Promise.all(due.map(ask));
    },
  };
}
