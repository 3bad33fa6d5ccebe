import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname } from 'node:path';
import { Problem } from '../../../shared/problems/problem.ts';
import { findProgram } from '../find-program.ts';
import { programOutput } from '../program-output.ts';
import type { ToolLimits } from './tool-limits.ts';

/** What a sandbox keeps a program to by itself. */
export type WrittenLimits = Pick<ToolLimits, 'memoryBytes' | 'outputBytes' | 'processes'>;

/** How one run of a program is started so that it sees its own folder, no network and nobody else's files. */
export type SandboxedCommand = { command: string; args: string[] };

export type Sandbox = {
  readonly name: 'bubblewrap' | 'sandbox-exec';
  /** `folder` has the folders `in`, which the program can only read, `out` and `tmp`; it becomes the working folder. */
  wrap(program: string, args: readonly string[], folder: string, limits: WrittenLimits): SandboxedCommand;
};

const SYSTEM_FOLDERS = [
  '/usr',
  '/bin',
  '/lib',
  '/lib32',
  '/lib64',
  '/etc/alternatives',
  '/etc/fonts',
  '/etc/ld.so.cache',
];

/** The sandbox of this system. Errors: `tool_unusable` where there is none that limits all that must be limited. */
export async function findSandbox(platform: NodeJS.Platform = process.platform): Promise<Sandbox> {
  if (platform === 'linux') {
    const [bwrap, prlimit] = await Promise.all([findProgram('bwrap'), findProgram('prlimit')]);
    if (bwrap === undefined) throw unusable('bubblewrap is not installed (on Debian: apt install bubblewrap)');
    if (prlimit === undefined) throw unusable('prlimit is not installed (it comes with util-linux)');
    return bubblewrap(bwrap, prlimit, await countsApart(bwrap, prlimit));
  }
  if (platform === 'darwin') return sandboxExec('/usr/bin/sandbox-exec');
  throw unusable(`there is no sandbox for programs on ${platform}`);
}

/** Fewer than any node has threads. */
const FEW_PROCESSES = 8;
const PROBE_MS = 10_000;

/**
 * Whether a limit of processes counts those in a sandbox alone, as Linux does from 5.14 on, and not all that their user runs: that
 * may be thousands, and the limit would keep a program from starting anything. Tried, since a sandbox that was installed with the
 * rights of root may have no users of its own.
 */
async function countsApart(bwrap: string, prlimit: string): Promise<boolean> {
  const sandbox = ['--unshare-all', '--die-with-parent', '--ro-bind', '/', '/', '--'];
  const program = [prlimit, `--nproc=${FEW_PROCESSES}`, '--', '/bin/sh', '-c', ': | :'];
  return (await programOutput(bwrap, [...sandbox, ...program], PROBE_MS)) !== null;
}

/**
 * Namespaces of its own for everything; the file system is that of the system's programs, read-only. What lies between the
 * folders is memory, which no limit of a process counts and none gives back when the process is killed: nothing can be written
 * there, and what can is on the disk, where it is measured. Of root's processes the kernel counts none.
 */
export function bubblewrap(bwrap: string, prlimit: string, countsProcesses: boolean): Sandbox {
  return {
    name: 'bubblewrap',
    wrap: (program, args, folder, { memoryBytes, outputBytes, processes }) => {
      const own = ownFolder(program);
      const limits = [`--as=${memoryBytes}`, `--fsize=${outputBytes}`, '--core=0', '--nofile=256'];
      if (countsProcesses) limits.push(`--nproc=${processes}`);
      return {
        command: bwrap,
        args: [
          ...['--unshare-all', '--die-with-parent', '--new-session', '--cap-drop', 'ALL', '--clearenv'],
          ...['--setenv', 'PATH', '/usr/bin:/bin', '--setenv', 'HOME', '/tmp', '--setenv', 'LANG', 'C.UTF-8'],
          ...SYSTEM_FOLDERS.flatMap((path) => ['--ro-bind-try', path, path]),
          ...['--proc', '/proc', '--dev', '/dev', '--bind', `${folder}/tmp`, '/tmp'],
          ...(own === undefined ? [] : ['--ro-bind', own, own]),
          ...['--ro-bind', `${folder}/in`, '/work/in', '--bind', `${folder}/out`, '/work/out'],
          ...['--remount-ro', '/dev', '--remount-ro', '/', '--chdir', '/work'],
          ...['--', prlimit, ...limits, '--', program, ...args],
        ],
      };
    },
  };
}

/** The kernel's sandbox of macOS, told what is allowed. Memory is watched from outside, since nothing limits it there. */
export function sandboxExec(command: string): Sandbox {
  return {
    name: 'sandbox-exec',
    wrap: (program, args, folder) => {
      const real = realpathSync(folder);
      const own = ownFolder(program);
      const readable = ['/usr', '/bin', '/System', '/Library', '/opt/homebrew', '/private/var/db/dyld', '/dev'];
      const read = [...readable, ...(own === undefined ? [] : [own])].map(subpath).join(' ');
      const write = [`${real}/out`, `${real}/tmp`].map(subpath).join(' ');
      const profile = [
        '(version 1) (deny default)',
        '(allow process-exec process-fork sysctl-read file-read-metadata)',
        `(allow file-read* (literal "/") ${subpath(real)} ${read})`,
        `(allow file-write* ${write} (literal "/dev/null"))`,
      ].join(' ');
      return { command, args: ['-p', profile, program, ...args] };
    },
  };
}

function subpath(path: string): string {
  if (/["\\\n]/.test(path)) throw unusable('the path of a folder holds a quotation mark or a backslash');
  return `(subpath "${path}")`;
}

/** Where a program lies that is not one of the system's: it may need what lies beside it, but nobody's home. */
function ownFolder(program: string): string | undefined {
  const folder = dirname(realpathSync(program));
  if (SYSTEM_FOLDERS.some((path) => folder === path || folder.startsWith(`${path}/`))) return undefined;
  const home = realHome();
  if (folder === '/' || folder === home || home.startsWith(`${folder}/`)) {
    throw unusable(`${program} lies where the owner's files are. Install it in a folder of its own`);
  }
  return folder;
}

/** A home may be reached by a link, as where /home is one to /var/home; a service may have one that is not there. */
function realHome(): string {
  const home = homedir();
  return existsSync(home) ? realpathSync(home) : home;
}

function unusable(why: string): Problem {
  return new Problem('tool_unusable', `The node runs programs in a sandbox alone, and ${why}.`);
}
