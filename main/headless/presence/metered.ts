import { type Presence, UNKNOWN } from '../../../shared/preferences/presence.ts';
import { programOutput } from '../program-output.ts';

const PROGRAM_TIMEOUT_MS = 2_000;
const NETWORK_MANAGER = ['-t', '-f', 'GENERAL.STATE,GENERAL.METERED', 'device', 'show'];

/** Whether the network in use is metered: known only where NetworkManager runs. */
export async function readMetered(
  platform: NodeJS.Platform,
  ask = (program: string, args: readonly string[]) => programOutput(program, args, PROGRAM_TIMEOUT_MS),
): Promise<Presence['metered']> {
  if (platform !== 'linux') return UNKNOWN;
  const text = await ask('nmcli', NETWORK_MANAGER);
  return text === null ? UNKNOWN : meteredOfNmcli(text);
}

/** Reads pairs of lines, `GENERAL.STATE:100 (connected)` and `GENERAL.METERED:yes`; its guesses are none of ours. */
export function meteredOfNmcli(text: string): Presence['metered'] {
  const answers = [...text.matchAll(/^GENERAL\.STATE:100\b.*\nGENERAL\.METERED:(.*)$/gm)].map((match) =>
    match[1]?.trim(),
  );
  if (answers.includes('yes')) return true;
  return answers.length > 0 && answers.every((answer) => answer === 'no' || answer === 'no (guessed)')
    ? false
    : UNKNOWN;
}
