import { dirname, resolve } from 'node:path';
import { flagOf } from '../../shared/config/setting.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { type ConfigFile, placeIn } from './config-file.ts';
import { pathOf, rowsOf, type SectionName, type SettingRow } from './sections.ts';
import { faultOf, fromText, withItemsRead } from './setting-value.ts';

/** In rising order: the later wins. */
export const ORIGINS = ['default', 'running', 'remembered', 'file', 'environment', 'flag'] as const;
export type Origin = (typeof ORIGINS)[number];

export type ResolvedSetting = SettingRow & {
  /** Undefined when nothing is given and there is no fixed default. */
  value: unknown;
  origin: Origin;
  /** The line, variable or flag that gave it. */
  place: string | undefined;
};

export type Resolution = { settings: ResolvedSetting[]; faults: string[] };

export type Given = {
  file: ConfigFile | undefined;
  env: Record<string, string | undefined>;
  /** By setting key, already of the right type. */
  flags: Record<string, unknown>;
};

/**
 * Decides every setting of some sections and says where each came from. A wrong value is a fault and counts as not
 * given, so that one look finds all faults.
 */
export function resolveSettings(sections: readonly SectionName[], given: Given): Resolution {
  const faults = [...(given.file?.faults ?? [])];
  const settings = sections.flatMap(rowsOf).map((row) => resolveSetting(row, given, faults));
  return { settings, faults };
}

function resolveSetting(row: SettingRow, given: Given, faults: string[]): ResolvedSetting {
  const usable = candidates(row, given).filter(({ value, place }) => {
    const fault = faultOf(row, value);
    if (fault !== undefined) faults.push(`${place}: ${pathOf(row)} ${fault}.`);
    return fault === undefined;
  });
  const { value, origin, place } = usable.at(-1) ?? { ...byDefault(row), place: undefined };
  return { ...row, value, origin, place };
}

type Candidate = { value: unknown; origin: Origin; place: string };

function candidates(row: SettingRow, { file, env, flags }: Given): Candidate[] {
  const found: Candidate[] = [];
  const inFile = file?.values[row.section].get(row.key);
  if (file !== undefined && inFile !== undefined) {
    found.push({
      value: readFileValue(row, inFile.value, file),
      origin: 'file',
      place: placeIn(file.path, inFile.line),
    });
  }
  const text = env[row.setting.env];
  // An empty variable is how compose files and service units say "not given".
  if (text !== undefined && text !== '') {
    found.push({ value: fromText(row.schema, text), origin: 'environment', place: row.setting.env });
  }
  const flag = flags[row.key];
  if (flag !== undefined) {
    found.push({ value: flag, origin: 'flag', place: `--${flagOf(row.key, row.setting)}` });
  }
  return found.map(({ value, ...from }) => ({ ...from, value: withItemsRead(row, value) }));
}

function readFileValue({ setting }: SettingRow, value: unknown, file: ConfigFile): unknown {
  return setting.path === true && typeof value === 'string' ? resolve(dirname(file.path), value) : value;
}

function byDefault({ schema }: SettingRow): { value: unknown; origin: Origin } {
  return { value: 'default' in schema ? schema.default : undefined, origin: 'default' };
}

/** Throws `invalid_setting` with the first of the faults. */
export function assertResolved({ faults }: Resolution): void {
  const [first, ...more] = faults;
  if (first === undefined) return;
  const rest = more.length === 0 ? '' : ` There are ${more.length} more: sparewatt config --check shows them all.`;
  throw new Problem('invalid_setting', `${first}${rest}`);
}
