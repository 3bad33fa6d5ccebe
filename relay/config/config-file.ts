import { lstatSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse, TomlError, type TomlTableWithoutBigInt } from 'smol-toml';
import { whyNoFile } from '../../shared/files/no-file.ts';
import { LEADS_NOWHERE, NOT_UTF8, readText } from '../../shared/files/read-text.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { codeOf } from '../data-folder/folder-problems.ts';
import { nearestNames } from '../fabric/documents/nearest-names.ts';
import { pathOf, rowsOf, SECTION_NAMES, type SectionName } from './sections.ts';

const CONFIG_FILE_NAME = 'sparewatt.toml';

/** One value of the file. `line` counts from 1 and is absent where the key is written in an unusual way. */
export type FileValue = { value: unknown; line: number | undefined };

export type ConfigFile = {
  readonly path: string;
  readonly values: { readonly [Section in SectionName]: ReadonlyMap<string, FileValue> };
  /** Sentences about keys that nothing reads. */
  readonly faults: readonly string[];
};

/**
 * The file that applies: the one that was named, else `sparewatt.toml` of the working folder, else that of the data
 * folder; undefined when there is none. Errors: `invalid_setting` when the named one is not there, or what is there is no file.
 */
export function findConfigFile(places: {
  named?: string;
  workingFolder: string;
  dataFolder: string;
}): string | undefined {
  if (places.named !== undefined) {
    if (isThere(places.named)) return places.named;
    throw new Problem('invalid_setting', `There is no configuration file ${places.named}.`);
  }
  const found = [places.workingFolder, places.dataFolder].map((folder) => join(folder, CONFIG_FILE_NAME)).find(isThere);
  // One that is named may be a pipe, such as a shell makes of what a program prints; nobody writes into one that lies there.
  const place = found === undefined ? undefined : statSync(found, { throwIfNoEntry: false });
  const why = place && whyNoFile(place);
  if (found !== undefined && why !== undefined) throw unreadable(found, `${why}, or name a file with --config`);
  return found;
}

/** Reads a configuration file. Errors: `invalid_setting` when it cannot be read or is not TOML, with the line. */
export function readConfigFile(path: string): ConfigFile {
  const text = readFile(path);
  const table = parseToml(text, path);
  const values = { program: new Map<string, FileValue>(), relay: new Map(), node: new Map(), client: new Map() };
  const faults: string[] = [];
  for (const [name, value] of Object.entries(table)) {
    if (isSection(name) && isTable(value)) readSection(name, value);
    else readKey('program', name, value);
  }
  return { path, values, faults };

  function readSection(section: SectionName, keys: TomlTableWithoutBigInt): void {
    for (const [key, value] of Object.entries(keys)) readKey(section, key, value);
  }
  function readKey(section: SectionName, key: string, value: unknown): void {
    const line = lineOf(text, section, key);
    if (rowsOf(section).some((row) => row.key === key)) values[section].set(key, { value, line });
    else faults.push(`${placeIn(path, line)}: ${unknownKey(section, key, isTable(value))}`);
  }
}

/** Where a value stands, as editors understand it. */
export function placeIn(path: string, line: number | undefined): string {
  return line === undefined ? path : `${path}:${line}`;
}

/** So is a link to what is not there: whoever put it there means to be asked for it. */
function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false; // A folder that is closed to this user, such as another's data.
  }
}

const WHY_UNREADABLE: Readonly<Record<string, string>> = {
  EISDIR: 'it is a folder. Move it away, or name a file with --config',
  ENOENT: LEADS_NOWHERE,
  EACCES: 'this user may not read it. Give it the right to, or name another with --config',
  EPERM: 'this user may not read it. Give it the right to, or name another with --config',
};

function unreadable(path: string, why: string, more = {}): Problem {
  return new Problem('invalid_setting', `The configuration file ${path} cannot be read: ${why}.`, more);
}

function readFile(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw unreadable(path, WHY_UNREADABLE[codeOf(cause)] ?? said, { cause });
  }
  const text = readText(bytes);
  if (text === undefined) throw unreadable(path, NOT_UTF8);
  return text;
}

function parseToml(text: string, path: string): TomlTableWithoutBigInt {
  try {
    return parse(text, { unsafeKeyBehaviour: 'throw' });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The rest of its message quotes the line, which may hold a secret; so does the error itself.
    const [reason = ''] = error.message.replace('Invalid TOML document: ', '').split('\n');
    throw new Problem('invalid_setting', `${path}:${error.line}:${error.column}: this is not TOML: ${reason}.`);
  }
}

function unknownKey(section: SectionName, key: string, isTableHere: boolean): string {
  if (section === 'program' && isTableHere) {
    const [nearest] = nearestNames(
      key,
      SECTION_NAMES.filter((name) => name !== 'program'),
    );
    return `there is no section [${key}]. ${didYouMean(nearest && `[${nearest}]`)}`;
  }
  const elsewhere = SECTION_NAMES.find((name) => name !== section && rowsOf(name).some((row) => row.key === key));
  const here = pathOf({ section, key });
  if (elsewhere === 'program') return `${here} is not known. Put ${key} above the first section.`;
  if (elsewhere !== undefined) return `${here} is not known. Put ${key} under [${elsewhere}].`;
  // Above the sections a key may just as well be one of theirs.
  const known = (section === 'program' ? SECTION_NAMES : [section]).flatMap(rowsOf);
  const [nearest] = nearestNames(
    key,
    known.map((row) => row.key),
  );
  const meant = known.find((row) => row.key === nearest);
  return `${here} is not known. ${didYouMean(meant && pathOf(meant))}`;
}

export function didYouMean(name: string | undefined): string {
  return name === undefined ? '"sparewatt config" shows what is.' : `Did you mean ${name}?`;
}

/** Finds the line that sets a key, in the way in which people write it; good enough to point at. */
function lineOf(text: string, section: SectionName, key: string): number | undefined {
  let current = 'program';
  for (const [index, line] of text.split('\n').entries()) {
    const header = /^\s*\[{1,2}\s*([\w."-]+)\s*\]/.exec(line)?.[1]?.replaceAll('"', '');
    if (header !== undefined) current = header;
    if (header === pathOf({ section, key })) return index + 1;
    if (current === section && /^\s*["']?([\w-]+)["']?\s*=/.exec(line)?.[1] === key) return index + 1;
  }
  return undefined;
}

function isSection(name: string): name is Exclude<SectionName, 'program'> {
  return name !== 'program' && (SECTION_NAMES as string[]).includes(name);
}

function isTable(value: unknown): value is TomlTableWithoutBigInt {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
