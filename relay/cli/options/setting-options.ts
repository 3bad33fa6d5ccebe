import { type Command, InvalidArgumentError, Option } from 'commander';
import { flagOf } from '../../../shared/config/setting.ts';
import { type LoadedSettings, loadSettings, settingsOf } from '../../config/load-settings.ts';
import { pathOf, rowsOf, type SectionName, type SettingRow } from '../../config/sections.ts';
import { faultOf, fromText } from '../../config/setting-value.ts';

/** Options of any command that reads settings, as commander keeps them. */
export type SettingOptions = { config?: string } & Record<string, unknown>;

/** What a command shares with others stands behind its own flags in its help. */
const SETTINGS_HEADING = 'Settings, also from the environment or sparewatt.toml:';

/** Gives a command one flag for each setting of some sections, or for some of them by path, and `--config`. */
export function addSettingOptions(
  command: Command,
  sections: readonly SectionName[],
  paths?: readonly string[],
): Command {
  const rows = sections.flatMap(rowsOf).filter((row) => paths?.includes(pathOf(row)) ?? true);
  const file = new Option(
    '--config <file>',
    'configuration file (default: sparewatt.toml here, then in the data folder; SPAREWATT_CONFIG)',
  );
  for (const option of [...rows.flatMap(optionsOf), file]) command.addOption(option.helpGroup(SETTINGS_HEADING));
  return command;
}

/** Loads what applies to a command that was given such options. Errors: `invalid_setting`. */
export function loadFromOptions(sections: readonly SectionName[], options: SettingOptions): LoadedSettings {
  const flags: Record<string, unknown> = {};
  for (const { key, setting } of sections.flatMap(rowsOf)) flags[key] = options[camelCase(flagOf(key, setting))];
  return loadSettings(sections, { flags, configFile: options.config });
}

/** For a command that needs the data folder and nothing else. */
export function addDataOption(command: Command): Command {
  return addSettingOptions(command, ['program'], ['data']);
}

/** Errors: `invalid_setting`. */
export function readDataFolder(options: SettingOptions): string {
  return settingsOf(loadFromOptions(['program'], options), 'program').data;
}

function optionsOf(row: SettingRow): Option[] {
  const { key, setting, schema } = row;
  const flag = `--${flagOf(key, setting)}`;
  const help = `${setting.description} (default: ${otherwiseOf(row)}; ${setting.env})`;
  const type = 'type' in schema ? schema.type : 'string';
  if (type === 'boolean') {
    return [new Option(flag, help), new Option(`--no-${flagOf(key, setting)}`, `the opposite of ${flag}`)];
  }
  if (type === 'array') {
    const parse = (text: string, before: unknown): string[] => [...(Array.isArray(before) ? before : []), text];
    return [new Option(`${flag} <${setting.argument}...>`, help).argParser(parse)];
  }
  const option = new Option(`${flag} <${setting.argument}>`, help);
  const choices = choicesOf(row);
  if (choices !== undefined) option.choices(choices);
  // After the choices, which have a parser of their own: a setting is refused in its own words, wherever it was given.
  return [option.argParser((text) => parse(row, text))];
}

/** The values of a setting that has no others. */
function choicesOf({ schema }: SettingRow): string[] | undefined {
  if (!('anyOf' in schema)) return undefined;
  const values = (schema.anyOf as { const?: unknown }[]).map((one) => one.const);
  return values.every((value) => typeof value === 'string') ? values : undefined;
}

function parse(row: SettingRow, text: string): unknown {
  const value = fromText(row.schema, text);
  const fault = faultOf(row, value);
  if (fault !== undefined) throw new InvalidArgumentError(`It ${fault}.`);
  return value;
}

/** What applies without the setting, for a person. */
function otherwiseOf({ schema, setting }: SettingRow): string {
  if (setting.otherwise !== undefined) return setting.otherwise;
  return 'default' in schema ? String(schema.default) : 'none';
}

function camelCase(flag: string): string {
  return flag.replace(/-(.)/g, (_dash, letter: string) => letter.toUpperCase());
}
