import { programOutput } from '../headless/program-output.ts';
import type { NodeHost } from './node-host.ts';

const PROGRAM_TIMEOUT_MS = 2_000;
const LOCKED = [
  '--user',
  '--auto-start=no',
  'get-property',
  'org.freedesktop.secrets',
  '/org/freedesktop/secrets/aliases/default',
  'org.freedesktop.Secret.Collection',
  'Locked',
];
const EVERY_MS = 10_000;

/** Whether the key store of a Linux desktop is locked; undefined where that cannot be asked. */
export async function isKeyStoreLocked(
  platform: NodeJS.Platform,
  ask = (program: string, args: readonly string[]) => programOutput(program, args, PROGRAM_TIMEOUT_MS),
): Promise<boolean | undefined> {
  if (platform !== 'linux') return undefined;
  const said = (await ask('busctl', LOCKED))?.trim();
  return said === 'b true' ? true : said === 'b false' ? false : undefined;
}

export type KeyStoreWatchOptions = {
  node: Pick<NodeHost, 'link' | 'start'>;
  isLocked(): Promise<boolean | undefined>;
  beginAnew(): void;
  now: () => number;
};

/**
 * Goes on with a node whose key store was locked once it is open; called as often as anybody likes. Electron asks the key
 * store of Linux once in the life of a process: where that was in vain, only an app that begins anew gets its keys, and it
 * does so once for each time that the key store was seen to open.
 */
export function watchKeyStore({ node, isLocked, beginAnew, now }: KeyStoreWatchOptions): () => Promise<void> {
  let wasLocked = false;
  let askedAt = Number.NEGATIVE_INFINITY;
  const waits = (): boolean => node.link().state === 'key_store_locked';
  return async () => {
    if (!waits() || now() - askedAt < EVERY_MS) return;
    askedAt = now();
    const locked = await isLocked().catch(() => undefined);
    await node.start().catch(() => undefined);
    if (!waits()) return;
    const hasOpened = wasLocked && locked === false;
    wasLocked = locked ?? wasLocked;
    if (hasOpened) beginAnew();
  };
}
