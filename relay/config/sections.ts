import type { TObject, TSchema } from 'typebox';
import { NodeSettings } from '../../shared/config/node-settings.ts';
import { type Setting, settingOf } from '../../shared/config/setting.ts';
import { ClientSettings } from './client-settings.ts';
import { ProgramSettings } from './program-settings.ts';
import { RelaySettings } from './relay-settings.ts';

/** The sections of the configuration file, in its order; `program` stands for the keys above the first one. */
export const SECTIONS = {
  program: ProgramSettings,
  relay: RelaySettings,
  node: NodeSettings,
  client: ClientSettings,
} as const satisfies Record<string, TObject>;
export type SectionName = keyof typeof SECTIONS;
export const SECTION_NAMES = Object.keys(SECTIONS) as SectionName[];

/** One setting with its place and its type. */
export type SettingRow = { section: SectionName; key: string; schema: TSchema; setting: Setting };

export function rowsOf(section: SectionName): SettingRow[] {
  return Object.entries(SECTIONS[section].properties as Record<string, TSchema>).map(([key, schema]) => ({
    section,
    key,
    schema,
    setting: settingOf(key, schema),
  }));
}

/** How a person names a setting: `relay.port`, and `data` for one that is above the sections. */
export function pathOf({ section, key }: { section: SectionName; key: string }): string {
  return section === 'program' ? key : `${section}.${key}`;
}
