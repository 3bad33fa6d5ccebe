import { type ResolvedSetting, resolveSettings } from './resolve-settings.ts';
import { pathOf, SECTION_NAMES } from './sections.ts';

/** A setting as people and snapshots may see it. */
export type ShownSetting = {
  setting: string;
  /** Null when nothing is given and there is no fixed default. */
  value: unknown;
  origin: string;
  /** The line, variable or flag that gave it; null for a default. */
  place: string | null;
};

/** What stands in place of a secret that is given. */
export const HIDDEN = '(hidden)';

export function showSettings(settings: readonly ResolvedSetting[]): ShownSetting[] {
  return settings.map((row) => ({
    setting: pathOf(row),
    value: row.setting.secret === true && row.value !== undefined ? HIDDEN : (row.value ?? null),
    origin: row.origin,
    place: row.place ?? null,
  }));
}

/** What applies where nobody said anything, as for a relay that a test starts. */
export function shownDefaults(): ShownSetting[] {
  return showSettings(resolveSettings(SECTION_NAMES, { file: undefined, env: {}, flags: {} }).settings);
}
