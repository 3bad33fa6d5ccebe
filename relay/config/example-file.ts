import { stringify } from 'smol-toml';
import { rowsOf, SECTION_NAMES, type SectionName, type SettingRow } from './sections.ts';

const INTRODUCTIONS: Record<SectionName, string> = {
  program: 'What a relay and a node on one machine share.',
  relay: 'The relay: `sparewatt relay`.',
  node: 'The node: `sparewatt agent`.',
  client: 'Commands that ask a relay: `sparewatt chat`, `models`, `pair`, `snapshot`, `preflight`.',
};

/** A configuration file in which every setting is explained and none is set. */
export function exampleFile(): string {
  const parts = SECTION_NAMES.map((section) => {
    const head = section === 'program' ? '' : `\n[${section}]`;
    return [`# ${INTRODUCTIONS[section]}${head}`, ...rowsOf(section).map(exampleOf)].join('\n\n');
  });
  return `# The configuration of Sparewatt. Variables of the environment win over this file, flags over both.\n\n${parts.join('\n\n')}\n`;
}

function exampleOf(row: SettingRow): string {
  const { key, schema, setting } = row;
  const value = setting.example ?? ('default' in schema ? schema.default : '');
  const otherwise = setting.otherwise === undefined ? '' : ` Without it: ${setting.otherwise}.`;
  return `# ${capital(setting.description)}.${otherwise} ${setting.env}\n#${stringify({ [key]: value }).trim()}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
