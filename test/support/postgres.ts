import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, existsSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterFile } from './after-file.ts';
import { installPackage, mayInstallPackages } from './debian-package.ts';
import { descendantsOf } from './processes.ts';

const run = promisify(execFile);
const USER = 'sparewatt';
const INITDB = ['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-sync', `--username=${USER}`];
/** Texts are in the order of a language, where the server can be told so: what leans on the order of bytes must say it. */
const IN_LANGUAGE = ['--locale-provider=icu', '--icu-locale=en'];

/**
 * A server whose processes are killed loses nothing that it has handed to the system: only a test that could cut the power
 * would have to wait for the disk.
 */
const SETTINGS = ['max_connections=300', 'fsync=off', 'full_page_writes=off'].flatMap((setting) => ['-c', setting]);

/** A PostgreSQL server of the tests' own, behind a socket in its own folder. */
export type PostgresServer = {
  /** Makes a database, empty or like one that nobody uses, and gives its address, which holds the password. */
  createDatabase(like?: string): Promise<string>;
  dropDatabase(url: string): Promise<void>;
  /** A new database with what has been committed in another one. */
  copyDatabase(url: string): Promise<string>;
  /** Stops every process of it, so that it takes connections and says nothing, until it is let go on. */
  freeze(): void;
  thaw(): void;
  /** Kills every process of it at once. */
  kill(): Promise<void>;
  start(): Promise<void>;
};

/** Where the programs of PostgreSQL lie; undefined where it is not installed. */
function findPrograms(): string | undefined {
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    ...globSync('/usr/lib/postgresql/*/bin').sort().reverse(),
  ];
  return folders.find((folder) =>
    ['initdb', 'postgres', 'pg_dump', 'psql'].every((name) => existsSync(join(folder, name))),
  );
}

/** Whom the server runs as: it refuses to be root's. Undefined to run it as the user of the tests. */
function findOwner(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const number = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8', stdio: 'pipe' }));
  return { uid: number('-u'), gid: number('-g') };
}

/** Why there can be no server here; undefined where there can. */
export function whyNoPostgres(): string | undefined {
  if (process.platform === 'win32') return 'the server of these tests listens on a socket in a folder';
  if (findPrograms() === undefined) return 'PostgreSQL is not installed (Debian: apt-get install postgresql)';
  try {
    findOwner();
  } catch {
    return 'PostgreSQL does not run as root, and there is no user postgres';
  }
  return undefined;
}

/** Installs Debian's server where there is none and we may. Returns what came of it, for people to read. */
export function ensurePostgres(): string {
  if (findPrograms() === undefined && mayInstallPackages()) {
    console.log('No PostgreSQL found: installing the package "postgresql" with apt-get.');
    installPackage('postgresql');
  }
  return whyNoPostgres() ?? `in ${findPrograms()}`;
}

/** Starts a server that ends with the tests of the calling file; to be called outside of a test. */
export async function startPostgres(): Promise<PostgresServer> {
  const programs = findPrograms() ?? '';
  const owner = findOwner();
  const folder = mkdtempSync(join(tmpdir(), 'sparewatt-postgres-'));
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid);
  let server: ChildProcess | undefined;
  /** Of whom the server belongs to: a new line costs both sides more than most of what is said on it. */
  let ownerLine: pg.Client | undefined;
  const signalAll = (signal: NodeJS.Signals) => {
    if (server?.pid === undefined) return;
    // The one that makes the others first when they are stopped, so that none is missed.
    server.kill(signal);
    for (const pid of descendantsOf(server.pid)) sendTo(pid, signal);
  };
  const end = async (signal: NodeJS.Signals) => {
    const ending = server;
    server = undefined;
    if (ending === undefined) return;
    await ownerLine?.end();
    ownerLine = undefined;
    const exited = once(ending, 'exit');
    ending.kill(signal);
    await exited;
  };
  const atExit = () => server?.kill('SIGQUIT');
  process.once('exit', atExit);
  afterFile(async () => {
    process.off('exit', atExit);
    await end('SIGQUIT');
    rmSync(folder, { recursive: true, force: true });
  });
  const password = randomBytes(12).toString('hex');
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password, { mode: 0o644 });
  const data = join(folder, 'data');
  const initdb = join(programs, 'initdb');
  // Since PostgreSQL 15, as are copies by file.
  const knowsLanguages = (await run(initdb, ['--help'])).stdout.includes('--icu-locale');
  const order = knowsLanguages ? IN_LANGUAGE : [];
  // Half the time of a copy that is logged block by block; it waits for the disk, which nothing does here.
  const strategy = knowsLanguages ? 'STRATEGY FILE_COPY' : '';
  await run(initdb, [...INITDB, ...order, `--pgdata=${data}`, `--pwfile=${passwordFile}`], { ...owner, cwd: folder });

  const start = async () => {
    server = spawn(join(programs, 'postgres'), ['-D', data, '-k', folder, '-h', '', ...SETTINGS], {
      ...owner,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await untilReady(server);
  };
  const urlOf = (name: string) => `postgres://${USER}:${password}@${encodeURIComponent(folder)}/${name}`;
  const command = async (sql: string) => {
    if (ownerLine === undefined) {
      ownerLine = new pg.Client(urlOf('postgres'));
      await ownerLine.connect();
    }
    await ownerLine.query(sql);
  };
  let count = 0;
  const createDatabase = async (like = urlOf('template1')) => {
    count += 1;
    const name = `d${count}`;
    await command(`CREATE DATABASE ${name} TEMPLATE ${nameIn(like)} ${strategy}`);
    return urlOf(name);
  };
  await start();
  return {
    createDatabase,
    dropDatabase: (url) => command(`DROP DATABASE ${nameIn(url)} WITH (FORCE)`),
    copyDatabase: async (url) => {
      const copy = await createDatabase();
      const dump = join(folder, `${nameIn(copy)}.sql`);
      const env = { ...process.env, PGPASSWORD: password, PGHOST: folder, PGUSER: USER };
      await run(join(programs, 'pg_dump'), ['--file', dump, nameIn(url)], { env });
      await run(join(programs, 'psql'), ['--quiet', '--no-psqlrc', '-v', 'ON_ERROR_STOP=1', '-f', dump, nameIn(copy)], {
        env,
      });
      rmSync(dump);
      return copy;
    },
    freeze: () => signalAll('SIGSTOP'),
    thaw: () => signalAll('SIGCONT'),
    // As the server itself does when one of its processes crashes: all end at once, and nothing is written any more.
    kill: () => end('SIGQUIT'),
    start,
  };
}

/** One that ends meanwhile, as those of connections do, is not missed. */
function sendTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function nameIn(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}

/** Resolves once the server takes connections; rejects with what it said when it ends before. */
async function untilReady(server: ChildProcess): Promise<void> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    server.once('exit', () => reject(new Error(`the PostgreSQL server has ended: ${said}`)));
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('ready to accept connections')) resolve();
    });
  });
}
