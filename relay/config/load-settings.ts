import { dirname, resolve } from 'node:path';
import type { Static } from 'typebox';
import { Value } from 'typebox/value';
import { Problem } from '../../shared/problems/problem.ts';
import { type ConfigFile, findConfigFile, placeIn, readConfigFile } from './config-file.ts';
import { withImplied } from './implied-settings.ts';
import { assertResolved, type Given, type Resolution, resolveSettings } from './resolve-settings.ts';
import { SECTION_NAMES, SECTIONS, type SectionName } from './sections.ts';

export type SettingSources = {
  /** `--config`. */
  configFile?: string | undefined;
  flags: Record<string, unknown>;
  env?: Record<string, string | undefined>;
  workingFolder?: string;
};

/** Everything that was decided, and the file that took part in it. */
export type LoadedSettings = Resolution & { file: ConfigFile | undefined };

/** Reads file, environment and flags. Never throws: what is wrong is in `faults`, and counts as not given. */
export function loadSettings(sections: readonly SectionName[], sources: SettingSources): LoadedSettings {
  const { flags, env = process.env } = sources;
  const { file, fault } = tryToRead(sources, env);
  const workingFolder = sources.workingFolder ?? process.cwd();
  const resolution = withImplied(resolveSettings(sections, { file, env, flags }), workingFolder);
  const { settings } = resolution;
  const faults = [...(fault === undefined ? [] : [fault]), ...resolution.faults, ...faultsElsewhere(sections, file)];
  return { settings, faults: [...faults, ...faultsBetween(settings)], file };
}

/** What is right by itself, and wrong beside another. */
function faultsBetween(settings: Resolution['settings']): string[] {
  const find = (wanted: string) => settings.find(({ section, key }) => section === 'relay' && key === wanted);
  const [port, busPort] = [find('port'), find('bus_port')];
  if (busPort?.value === undefined || busPort.value === 0 || busPort.value !== port?.value) return [];
  return [
    `relay.bus_port is ${busPort.value} as relay.port is, and each takes one of its own. Leave relay.bus_port out.`,
  ];
}

/** One section of what was loaded, as its schema types it. Errors: `invalid_setting` for any fault at all. */
export function settingsOf<Name extends SectionName>(
  loaded: LoadedSettings,
  section: Name,
): Static<(typeof SECTIONS)[Name]> {
  assertResolved(loaded);
  const rows = loaded.settings.filter((row) => row.section === section && row.value !== undefined);
  const values: unknown = Object.fromEntries(rows.map(({ key, value }) => [key, value]));
  // Every value has passed its own row; what could still be missing is a setting without a default.
  if (Value.Check(SECTIONS[section], values)) return values as Static<(typeof SECTIONS)[Name]>;
  throw new TypeError(`the settings of ${section} are incomplete`);
}

function tryToRead(sources: SettingSources, env: Given['env']): { file?: ConfigFile | undefined; fault?: string } {
  try {
    return { file: readFile(sources, env) };
  } catch (error) {
    if (error instanceof Problem) return { fault: error.message };
    throw error;
  }
}

function readFile(sources: SettingSources, env: Given['env']): ConfigFile | undefined {
  const named = sources.configFile ?? (env.SPAREWATT_CONFIG || undefined);
  const workingFolder = sources.workingFolder ?? process.cwd();
  const before = resolveSettings(['program'], { file: undefined, env, flags: sources.flags }).settings;
  const dataFolder = resolve(workingFolder, String(before.find(({ key }) => key === 'data')?.value));
  const path = findConfigFile({ workingFolder, dataFolder, ...(named === undefined ? {} : { named }) });
  if (path === undefined) return undefined;
  const file = readConfigFile(path);
  const data = file.values.program.get('data');
  if (named !== undefined || data === undefined || dirname(path) !== dataFolder) return file;
  const fault = `${placeIn(path, data.line)}: data cannot be set by the file that the data folder itself holds.`;
  return { ...file, faults: [...file.faults, fault] };
}

/** A file is right or wrong as a whole: a relay does not start with one in which the node's part is wrong. */
function faultsElsewhere(sections: readonly SectionName[], file: ConfigFile | undefined): string[] {
  const others = SECTION_NAMES.filter((name) => !sections.includes(name));
  const known = new Set(file?.faults);
  return resolveSettings(others, { file, env: {}, flags: {} }).faults.filter((fault) => !known.has(fault));
}
