type Document = Readonly<Record<string, unknown>>;

/** Each makes of a document of its version one of the next, by what held before. Never edited once released. */
const STEPS: ReadonlyMap<unknown, (document: Document) => Document> = new Map([
  // 1: models stayed in memory for ever, and computed all of the time. That they leave is new for everybody.
  [
    1,
    ({ profiles, ...document }) => ({
      ...document,
      version: 2,
      unload_after_s: 900,
      profiles: isDocument(profiles)
        ? { here: withFullDuty(profiles.here), away: withFullDuty(profiles.away) }
        : profiles,
    }),
  ],
]);

/** A document of an earlier version as one of this one; what is none is given back as it is. Pure. */
export function upgradePreferences(value: unknown): unknown {
  let document = value;
  while (isDocument(document)) {
    const step = STEPS.get(document.version);
    if (step === undefined) break;
    document = step(document);
  }
  return document;
}

function withFullDuty(profile: unknown): unknown {
  return isDocument(profile) ? { ...profile, duty_percent: 100 } : profile;
}

function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
