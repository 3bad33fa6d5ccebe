import { type ChildProcess, execFile } from 'node:child_process';

/** Where others would wait for a pipe that a child of the killed program still holds, or for a driver that never answers. */
const KILLED_MS = 250;

/** What a program prints, or null when it is not there, fails, or takes longer. Never starts a shell. */
export function programOutput(program: string, args: readonly string[], timeoutMs: number): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const options = { timeout: timeoutMs, killSignal: 'SIGKILL', windowsHide: true } as const;
  let child: ChildProcess;
  try {
    child = execFile(program, args, options, (error, stdout) => resolve(error === null ? stdout : null));
  } catch {
    return Promise.resolve(null); // A path through something that is no folder throws at once.
  }
  const timer = setTimeout(() => {
    child.stdout?.destroy();
    child.stderr?.destroy();
    child.unref();
    resolve(null);
  }, timeoutMs + KILLED_MS);
  return promise.finally(() => clearTimeout(timer));
}
