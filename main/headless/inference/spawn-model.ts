/**
 * The process of a model, and what it takes to be sure of its end.
 *
 * 1. It does not outlive us, whatever ends us and whatever it does: the system closes a pipe with the process that writes to
 *    it. Within a native call a process hears nothing, so that a shell, which is its parent, waits at the other end of the pipe
 *    and kills it when that closes. Windows ends a program's children with it.
 * 2. It is killed by closing that pipe. Its id is not given to another before: the shell has
 *    not asked for how it ended until then.
 * 3. Its end is told once. It hears of the end of the shell, too.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { constants } from 'node:os';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { FromWorker, ToWorker } from '../../../shared/runtimes/worker-protocol.ts';
import { modelEnvironment } from './model-environment.ts';

export type SpawnedModel = {
  send(message: ToWorker): void;
  /** Resolves when it has ended, with all that it held. */
  gone: Promise<void>;
  /** Ends it; resolves when it is gone. */
  kill(): Promise<void>;
};

export type SpawnModelOptions = {
  /** Shown to whoever lists processes. */
  model: string;
  entry: URL;
  /** Added to what it takes of our environment. */
  env?: Readonly<Record<string, string>>;
  onWord(word: FromWorker): void;
  /** `how` names the signal or the code, for the owner's log. */
  onExit(how: string): void;
};

/**
 * Signals for a whole group, such as Ctrl-C of a terminal, are for the node, which drains first. A crash writes no memory to
 * the disk: there are prompts in it. The shell's own copy of the channel is closed, or nobody would hear that its other end
 * has gone.
 */
const KEEPER = `trap '' INT TERM HUP; ulimit -c 0; "$@" </dev/null & exec 3<&-; read -r _; kill -9 $!; wait $!`;
/** How a shell tells that a signal ended its child. */
const SIGNALLED = 128;

export function spawnModel({ model, entry, env = {}, onWord, onExit }: SpawnModelOptions): SpawnedModel {
  const isWindows = process.platform === 'win32';
  const program = [process.execPath, fileURLToPath(entry), model];
  const [command = '', ...args] = isWindows ? program : ['/bin/sh', '-c', KEEPER, 'sh', ...program];
  const child = spawn(command, args, optionsFor(env));
  const gone = Promise.withResolvers<void>();
  let isGone = false;

  const close = (): void => {
    child.stdin?.destroy();
    if (isWindows) child.kill('SIGKILL');
  };
  const finish = (how: string): void => {
    if (isGone) return;
    isGone = true;
    gone.resolve();
    onExit(how);
  };
  child.stdin?.on('error', () => undefined); // Its end is told below.
  child.on('message', (word) => onWord(word as FromWorker));
  child.on('disconnect', close);
  child.on('exit', (code, signal) => {
    if (child.connected) child.disconnect();
    finish(signal ?? describeCode(code ?? 0));
  });
  child.on('error', (error) => {
    // It could not be started, or nothing is left of it to kill or to tell anything.
    if (child.pid === undefined) finish(error.message);
  });
  return {
    send: (message) => post(child, message),
    gone: gone.promise,
    kill: () => {
      close();
      return gone.promise;
    },
  };
}

/** Nothing is inherited that a job's content could be printed to, and nobody reads what a driver prints. */
function optionsFor(env: Readonly<Record<string, string>>): SpawnOptions {
  return {
    stdio: ['pipe', 'ignore', 'ignore', 'ipc'],
    serialization: 'advanced',
    env: { ...modelEnvironment(process.env), ...env },
    windowsHide: true,
  };
}

/** Whoever is gone hears nothing, and its end is told by itself. */
function post(child: ChildProcess, message: ToWorker): void {
  if (child.connected) child.send(message, () => undefined);
}

function describeCode(code: number): string {
  const [signal] = Object.entries(constants.signals).find(([, number]) => number + SIGNALLED === code) ?? [];
  return signal ?? `code ${code}`;
}
