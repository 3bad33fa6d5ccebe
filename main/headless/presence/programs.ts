import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UNKNOWN } from '../../../shared/preferences/presence.ts';
import { programOutput } from '../program-output.ts';
import { gameOfRegistry } from './steam-registry.ts';

export type Programs = { names: string[] | typeof UNKNOWN; game: string | null | typeof UNKNOWN };

const PROGRAM_TIMEOUT_MS = 2_000;
const NOTHING: Programs = { names: UNKNOWN, game: UNKNOWN };

/** Lists the programs that run. Games are recognised where Steam says what it starts: on Linux, and in the registry of Windows. */
export async function readPrograms(
  platform: NodeJS.Platform,
  ask = (program: string, args: readonly string[]) => programOutput(program, args, PROGRAM_TIMEOUT_MS),
): Promise<Programs> {
  if (platform === 'linux') return programsOfProc('/proc');
  if (platform === 'win32') {
    const text = await ask('tasklist', ['/fo', 'csv', '/nh']);
    if (text === null) return NOTHING;
    const names = namesOfTasklist(text);
    return { names, game: await gameOfRegistry(names, ask) };
  }
  if (platform !== 'darwin') return NOTHING;
  const text = await ask('ps', ['-axco', 'comm=']);
  return text === null ? NOTHING : { names: namesOfPs(text), game: UNKNOWN };
}

/** Reads `tasklist /fo csv /nh`. */
export function namesOfTasklist(text: string): string[] {
  return unique(text.split('\n').flatMap((line) => /^"([^"]+)"/.exec(line)?.[1] ?? []));
}

/** Reads `ps -axco comm=`. */
export function namesOfPs(text: string): string[] {
  return unique(text.split('\n').map((line) => line.trim()));
}

/** Processes of other users have names too; a process that ends meanwhile has none. */
export function programsOfProc(root: string): Programs {
  const entries = filesOf(() => readdirSync(root));
  if (entries === undefined) return NOTHING;
  // At once: the kernel answers from memory, in a tenth of the time that a trip to another thread takes for each.
  const commands = entries
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => filesOf(() => readFileSync(join(root, pid, 'cmdline'), 'utf8')) ?? '');
  const found = commands.filter((command) => command !== '').map((command) => command.split('\0'));
  return { names: unique(found.map(programOf)), game: found.map(gameOf).find((game) => game !== undefined) ?? null };
}

function filesOf<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The last part of the path, also of a Windows program under Wine; the kernel's own 15 characters would be too few. */
function programOf([program = '']: string[]): string {
  return program.split(/[/\\]/).at(-1)?.split(' ')[0] ?? '';
}

/** Steam starts every game as `reaper SteamLaunch AppId=… -- … <program> …`. */
function gameOf(command: string[]): string | undefined {
  if (!command.includes('SteamLaunch') || programOf(command) !== 'reaper') return undefined;
  const program = command.findLast((part) => /(?:\/|\\)common(?:\/|\\)/.test(part));
  const folder = program === undefined ? undefined : /(?:\/|\\)common(?:\/|\\)([^/\\]+)/.exec(program)?.[1];
  return folder ?? command.find((part) => part.startsWith('AppId='))?.replace('AppId=', 'Steam app ') ?? 'a Steam game';
}

function unique(names: string[]): string[] {
  return [...new Set(names)].filter((name) => name !== '');
}
