import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { CONTROL_VERSION, type ControlPlace, parsePlace } from '../../../shared/control/control-protocol.ts';
import { Problem } from '../../../shared/problems/problem.ts';

/** What a name of a socket may take, in bytes without the last: 104 on macOS, 108 on Linux. */
const SOCKET_PATH_MOST_BYTES = 103;
const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY_FILE = 0o600;
const PLACE_SUFFIX = '.json';

/** Where a process listens, chosen and not taken yet. */
export type ChosenPlace = {
  readonly address: string;
  /** To be called once it listens: closes the socket to others, and says where it is. */
  publish(): void;
  /** Takes everything away again; harmless at any time. */
  remove(): void;
};

export type PlaceOptions = {
  folder: string;
  platform: NodeJS.Platform;
  temporaryFolder: string;
  /** 32 hexadecimal digits that nobody can guess. */
  randomName: () => string;
};

/**
 * Chooses a name that no other process has had, so that none is ever taken from one that lives. Errors:
 * `data_folder_unusable` for a folder that is not this user's, or too long a path.
 */
export function choosePlace({ platform, temporaryFolder, randomName, ...options }: PlaceOptions): ChosenPlace {
  const folder = resolve(options.folder);
  takeFolder(folder, platform);
  const name = randomName();
  const file = join(folder, `${name.slice(0, 8)}${PLACE_SUFFIX}`);
  const isPipe = platform === 'win32';
  const address = isPipe
    ? `\\\\.\\pipe\\sparewatt-${name}`
    : socketPath(join(folder, `${name.slice(0, 8)}.sock`), resolve(temporaryFolder));
  return {
    address,
    publish: () => {
      if (!isPipe) chmodSync(address, OWNER_ONLY_FILE);
      const place: ControlPlace = { version: CONTROL_VERSION, address, pid: process.pid };
      const draft = `${file}.new`;
      writeFileSync(draft, JSON.stringify(place), { mode: OWNER_ONLY_FILE, flag: 'wx' });
      renameSync(draft, file);
    },
    remove: () => {
      rmSync(file, { force: true });
      if (!isPipe) removeSocket(address, folder);
    },
  };
}

/** Takes away what processes have left that ended without a word. What cannot be judged stays. */
export async function removeStale(folder: string, platform: NodeJS.Platform): Promise<void> {
  for (const name of readdirSync(folder)) {
    if (!name.endsWith(PLACE_SUFFIX)) continue;
    const file = join(folder, name);
    const place = readPlace(file);
    if (place === undefined || (await isAlive(place.address))) continue;
    rmSync(file, { force: true });
    if (platform !== 'win32') removeSocket(place.address, resolve(folder));
  }
}

/** Takes away nothing but a socket, and the folder of its own that it had where its path would have been too long. */
function removeSocket(address: string, folder: string): void {
  try {
    if (lstatSync(address, { throwIfNoEntry: false })?.isSocket() === true) rmSync(address);
    if (dirname(address) !== folder) rmdirSync(dirname(address));
  } catch {
    // What stays does no harm: its name is never used again.
  }
}

/** The folder is this user's, and nobody else sees into it. */
function takeFolder(folder: string, platform: NodeJS.Platform): void {
  mkdirSync(folder, { recursive: true, mode: OWNER_ONLY_FOLDER });
  if (platform === 'win32') return; // What lies under a user's profile is that user's.
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new Problem('data_folder_unusable', `${folder} is not a folder of this user. Move it away.`);
  }
  if ((found.mode & 0o777) !== OWNER_ONLY_FOLDER) chmodSync(folder, OWNER_ONLY_FOLDER);
}

function socketPath(wanted: string, temporaryFolder: string): string {
  if (Buffer.byteLength(wanted) <= SOCKET_PATH_MOST_BYTES) return wanted;
  const prefix = join(temporaryFolder, 'sparewatt-');
  if (Buffer.byteLength(prefix) + 'XXXXXX/node.sock'.length > SOCKET_PATH_MOST_BYTES) {
    throw new Problem('data_folder_unusable', `The path ${wanted} is too long for a socket. Use a shorter folder.`);
  }
  // mkdtemp makes it for this user alone.
  return join(mkdtempSync(prefix), 'node.sock');
}

function readPlace(file: string): ControlPlace | undefined {
  try {
    return parsePlace(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Whether somebody listens there; who is too busy to say so does. */
function isAlive(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'));
  });
}
