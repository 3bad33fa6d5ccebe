type Written = Readonly<Record<string, unknown>>;

/** Each makes of what was written for its version one of the next, by what held before. Never edited once released. */
const STEPS: ReadonlyMap<unknown, (written: Written) => Written> = new Map([
  // 1: models stayed in memory for ever, and computed all of the time. That they leave is new for everybody.
  [
    1,
    ({ profiles, ...written }) => ({
      ...written,
      version: 2,
      unload_after_s: 900,
      profiles: isWritten(profiles)
        ? { here: withFullDuty(profiles.here), away: withFullDuty(profiles.away) }
        : profiles,
    }),
  ],
]);

/** Preferences of an earlier version as those of this one; what is none is given back as it is. Pure. */
export function upgradePreferences(value: unknown): unknown {
  let written = value;
  while (isWritten(written)) {
    const step = STEPS.get(written.version);
    if (step === undefined) break;
    written = step(written);
  }
  return written;
}

function withFullDuty(profile: unknown): unknown {
  return isWritten(profile) ? { ...profile, duty_percent: 100 } : profile;
}

function isWritten(value: unknown): value is Written {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
