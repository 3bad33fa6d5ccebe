import { nearestNames } from '../fabric/documents/nearest-names.ts';
import { didYouMean } from './config-file.ts';
import { rowsOf, SECTION_NAMES } from './sections.ts';

const PREFIX = 'SPAREWATT_';
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
  // What all of them begin with makes none nearer than another.
  const byRest = new Map(known.map((name) => [restOf(name), name]));
  const meant = (name: string): string | undefined => {
    const [nearest] = nearestNames(restOf(name), [...byRest.keys()]);
    return nearest && byRest.get(nearest);
  };
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && !name.startsWith('SPAREWATT_TEST_') && !known.includes(name))
    .sort()
    .map((name) => `${name} is read by nothing. ${didYouMean(meant(name))}`);
}

function restOf(name: string): string {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name;
}
