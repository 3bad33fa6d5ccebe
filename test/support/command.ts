import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterFile } from './after-file.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BIN = fileURLToPath(new URL('../../relay/cli/bin.mjs', import.meta.url));

const running = new Set<ChildProcess>();
// A failed test must not leave a command running, which would keep its file from ever ending.
afterFile(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** A running `sparewatt` command. */
export type Command = {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Rejects with all of stderr when the command ends before it printed a line. */
  firstLine(): Promise<string>;
  stdout(): string;
  stderr(): string;
  /** The exit code, or the signal's name. */
  readonly exit: Promise<number | NodeJS.Signals>;
};

export type CommandOptions = {
  env?: Record<string, string>;
  node?: string;
  bin?: string;
  input?: string;
  cwd?: string;
};

/** Starts `sparewatt …` as a script would: no terminal, its own environment. */
export function sparewatt(args: string[], options: CommandOptions = {}): Command {
  // The keychain of whoever runs the tests is theirs.
  const env: Record<string, string | undefined> = {
    ...process.env,
    SPAREWATT_NODE_KEY_STORE: 'file',
    ...options.env,
  };
  // Set by the test runner, and inherited by what is not a test.
  delete env.NODE_TEST_CONTEXT;
  const child = spawn(options.node ?? process.execPath, [options.bin ?? BIN, ...args], {
    env,
    cwd: options.cwd ?? ROOT,
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  child.stdin.end(options.input ?? '');
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const lines = createInterface({ input: child.stdout });
  const first = once(lines, 'line').then(([line]) => String(line));
  const exit = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  return {
    child,
    pid: child.pid ?? -1,
    firstLine: () =>
      Promise.race([
        first,
        exit.then((code) => {
          throw new Error(`the command ended with ${code} before it printed a line\n${stderr}`);
        }),
      ]),
    stdout: () => stdout,
    stderr: () => stderr,
    exit,
  };
}

/** Runs a command to its end. */
export async function runSparewatt(
  args: string[],
  options: CommandOptions = {},
): Promise<{ code: number | NodeJS.Signals; stdout: string; stderr: string }> {
  const command = sparewatt(args, options);
  const code = await command.exit;
  return { code, stdout: command.stdout(), stderr: command.stderr() };
}
