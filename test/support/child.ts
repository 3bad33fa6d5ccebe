import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { afterTest } from './after-test.ts';

export type TestChild = {
  readonly process: ChildProcess;
  readonly pid: number;
  /** The next message the child sends. */
  next(): Promise<unknown>;
  /** Kills it without giving it a chance, and waits until it is gone. */
  kill(): Promise<void>;
};

/** Runs a TypeScript file as a process of its own that talks by messages; it is killed when the test ends. */
export function startChild(t: TestContext, file: URL, args: string[], options: ForkOptions = {}): TestChild {
  const child = fork(fileURLToPath(file), args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], ...options });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${file.pathname} did not start`);
  const messages: unknown[] = [];
  const readers: Array<PromiseWithResolvers<unknown>> = [];
  child.on('message', (message) => {
    const reader = readers.shift();
    if (reader === undefined) messages.push(message);
    else reader.resolve(message);
  });
  const exited = once(child, 'exit');
  exited.then(([code]) => {
    for (const reader of readers) reader.reject(new Error(`${file.pathname} ended with code ${code}`));
  });
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  afterTest(t, kill);
  return {
    process: child,
    pid,
    next: () => {
      if (messages.length > 0) return Promise.resolve(messages.shift());
      const reader = Promise.withResolvers<unknown>();
      readers.push(reader);
      return reader.promise;
    },
    kill,
  };
}
