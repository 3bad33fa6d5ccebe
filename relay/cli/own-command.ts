import { existsSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What decides how a person can call this program again. */
export type Surroundings = {
  env: NodeJS.ProcessEnv;
  platform: NodeJS.Platform;
  /** The folder the person is in. */
  folder: string;
  /** The folder of this package. */
  root: string;
  exists(path: string): boolean;
};

const NAME = 'sparewatt';
const FROM_CHECKOUT = `npx ${NAME}`;
/** npm puts these before the PATH of what it runs; the person's own shell does not have them. */
const OF_NPM = join('node_modules', '.bin');

/**
 * What a person types to call this program again, from the folder they are in: `sparewatt` if their PATH has it, `npx
 * sparewatt` in a checkout or where npx was used, else Node with the path of the file.
 */
export function ownCommand(at: Surroundings): string {
  if (isOnPath(at)) return NAME;
  if (isWithin(at.folder, at.root) || at.env.npm_command === 'exec') return FROM_CHECKOUT;
  return `node ${quoted(join(at.root, 'relay', 'cli', 'bin.mjs'))}`;
}

/** The same for another machine, which has no such path: it is taken to be set up as this one is. */
export function ownCommandElsewhere(at: Surroundings): string {
  return isOnPath(at) ? NAME : FROM_CHECKOUT;
}

function isOnPath({ env, platform, exists }: Surroundings): boolean {
  const isRunByNpm = env.npm_execpath !== undefined || env.npm_command !== undefined;
  const file = platform === 'win32' ? `${NAME}.cmd` : NAME;
  return (env.PATH ?? env.Path ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '' && !(isRunByNpm && folder.endsWith(OF_NPM)))
    .some((folder) => exists(join(folder, file)));
}

function isWithin(folder: string, root: string): boolean {
  const way = relative(root, folder);
  return !way.startsWith('..') && !isAbsolute(way);
}

function quoted(path: string): string {
  return /^[\w./:\\-]+$/.test(path) ? path : `"${path}"`;
}

const HERE: Surroundings = {
  env: process.env,
  platform: process.platform,
  folder: process.cwd(),
  root: dirname(dirname(dirname(fileURLToPath(import.meta.url)))),
  exists: existsSync,
};

/** How this process's person calls `sparewatt`: decided once. */
export const COMMAND = ownCommand(HERE);
/** How somebody at another machine does. */
export const COMMAND_ELSEWHERE = ownCommandElsewhere(HERE);
