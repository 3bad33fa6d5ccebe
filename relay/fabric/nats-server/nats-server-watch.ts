import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { RelayLog } from '../../log.ts';
import { signalProcess } from './nats-server-process.ts';

/** What ends a nats-server when its relay could not do so itself. */
export type ServerWatch = {
  /** Stands in the record of the server for as long as this watch is the one that counts. */
  readonly id: string;
  /** For a server that has ended, or that its relay is about to stop. */
  end(): void;
};

export type WatchOptions = {
  pid: number;
  /** What the command line of the server names; a pid that somebody else has by then is left alone. */
  config: string;
  /** The file of the record. A relay that adopts the server writes its own watch into it. */
  record: string;
  /** Whole seconds that another relay has to adopt it. */
  lingerS: number;
  /** Aborted when this process is about to end at once: nobody is to adopt the server. */
  insisted?: AbortSignal | undefined;
  log: RelayLog;
};

/** A folder that was deleted with its record takes its server along. */
const SCRIPT = `
read -r _
sleep "$1"
[ -e "$2" ] && ! grep -q "$3" "$2" && exit
if [ -r "/proc/$4/cmdline" ]; then command=$(tr '\\0' ' ' <"/proc/$4/cmdline"); else command=$(ps -p "$4" -o command=); fi
case "$command" in *"$5"*) kill "$4" ;; esac
`;

/**
 * Ends a server some seconds after this process is gone, unless a relay has adopted it by then. On Windows nobody does: there
 * it runs on until a relay of its folder starts and stops again.
 */
export function watchServer({ pid, config, record, lingerS, insisted, log }: WatchOptions): ServerWatch {
  const id = randomBytes(8).toString('hex');
  const endShell = startShell([String(lingerS), record, id, String(pid), config], log);
  const end = (): void => {
    insisted?.removeEventListener('abort', kill);
    endShell();
  };
  const kill = (): void => {
    signalProcess(pid, 'SIGKILL');
    end();
  };
  insisted?.addEventListener('abort', kill);
  return { id, end };
}

/**
 * A shell, because one costs a megabyte. Its standard input is a pipe that the system closes with this process, however
 * that ends. It leads a session of its own, so that a signal for our group does not end it with us.
 */
function startShell(args: string[], log: RelayLog): () => void {
  if (process.platform === 'win32') return () => undefined;
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'sparewatt-bus-watch', ...args], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env.PATH },
  });
  shell.on('error', (error) => log.warn({ err: error }, 'nothing would end the nats-server of a relay that is killed'));
  shell.unref();
  (shell.stdin as Socket | undefined)?.unref(); // None where there is no room for a pipe.
  return () => void shell.kill('SIGKILL');
}
