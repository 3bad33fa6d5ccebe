import { type Presence, UNKNOWN } from '../../../shared/preferences/presence.ts';

type Ask = (program: string, args: readonly string[]) => Promise<string | null>;

const STEAM = 'HKCU\\Software\\Valve\\Steam';

/**
 * The game that Steam has started on Windows, by what Steam writes into the registry of its user; unknown where there is no Steam.
 * A Steam that was killed leaves its last word there, so that one that does not run has started nothing.
 */
export async function gameOfRegistry(programs: readonly string[], ask: Ask): Promise<Presence['game']> {
  const app = registryValueOf(await ask('reg', ['query', STEAM, '/v', 'RunningAppID']), 'RunningAppID');
  if (app === undefined || !/^0x[\da-f]+$/i.test(app)) return UNKNOWN;
  const id = Number(app);
  if (id === 0 || !programs.some((name) => name.toLowerCase() === 'steam.exe')) return null;
  const name = registryValueOf(await ask('reg', ['query', `${STEAM}\\Apps\\${id}`, '/v', 'Name']), 'Name');
  return name ?? `Steam app ${id}`;
}

/** Reads what `reg query` prints: name, type and value, each four blanks apart. */
function registryValueOf(text: string | null, name: string): string | undefined {
  const line = text?.split('\n').find((each) => each.trim().startsWith(`${name} `));
  return /\sREG_(?:DWORD|SZ)\s+(.*\S)/.exec(line ?? '')?.[1];
}
