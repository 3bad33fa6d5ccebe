import { programOutput } from '../headless/program-output.ts';

const PROGRAM_TIMEOUT_MS = 2_000;
const NAMES = ['--user', '--no-pager', '--no-legend', '--acquired', 'list'];

/** Whether a Linux desktop has a place for tray icons, which Electron does not tell; undefined where that cannot be asked. */
export async function hasTrayPlace(
  platform: NodeJS.Platform,
  ask = (program: string, args: readonly string[]) => programOutput(program, args, PROGRAM_TIMEOUT_MS),
): Promise<boolean | undefined> {
  if (platform !== 'linux') return true;
  const names = await ask('busctl', NAMES);
  return names === null ? undefined : names.includes('org.kde.StatusNotifierWatcher');
}

/** Panels start with the apps of a login, and some after them; one that is not there by then is not waited for. */
const ASK_FOR_MS = 120_000;
const ASK_EVERY_MS = 5_000;

export type LatePlaceOptions = {
  hasPlace(): Promise<boolean | undefined>;
  isThere(): boolean;
  found(): void;
  now: () => number;
};

/** Looks again, for a while, for a place that was not there when the app began; called as often as anybody likes. */
export function lookForLatePlace({ hasPlace, isThere, found, now }: LatePlaceOptions): () => Promise<void> {
  const startedAt = now();
  let askedAt = startedAt;
  return async () => {
    const at = now();
    if (isThere() || at - startedAt > ASK_FOR_MS || at - askedAt < ASK_EVERY_MS) return;
    askedAt = at;
    if ((await hasPlace().catch(() => undefined)) === true) found();
  };
}
