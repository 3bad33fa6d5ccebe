import { nearestNames } from '../fabric/documents/nearest-names.ts';
import { rowsOf, SECTION_NAMES } from './sections.ts';

/** Variables that are read but are no settings: of one command, or of a library. */
const OTHER_VARIABLES = ['SPAREWATT_CONFIG', 'NATS_SERVER_BIN'];

/** Every variable of the environment that the `sparewatt` command reads. */
export function knownVariables(): string[] {
  // One variable may be read for several settings.
  return [...new Set([...SECTION_NAMES.flatMap(rowsOf).map(({ setting }) => setting.env), ...OTHER_VARIABLES])];
}

/** A sentence for each variable that looks like ours and that nothing reads. It may belong to a script: no fault. */
export function unreadVariables(env: Record<string, string | undefined>): string[] {
  const known = knownVariables();
  return Object.keys(env)
    .filter((name) => name.startsWith('SPAREWATT_') && !name.startsWith('SPAREWATT_TEST_') && !known.includes(name))
    .sort()
    .map((name) => `${name} is read by nothing. Did you mean ${nearestNames(name, known)[0]}?`);
}
