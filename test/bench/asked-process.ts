import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A TypeScript file in a process of its own that answers questions, see `answerQuestions`. */
export type AskedProcess<Ready> = {
  readonly pid: number;
  /** What it told first. */
  readonly ready: Ready;
  /** Rejects when it fails to answer, or ends before it has. */
  ask<Answer>(question: string, about?: unknown): Promise<Answer>;
  /** Lets it end by itself, which it does when its channel closes, and waits for that. */
  stop(): Promise<void>;
};

export type Question = { id: number; question: string; about: unknown };
export type Reply = { id: number; answer?: unknown; fault?: string };

const STOP_TIMEOUT_MS = 20_000;

export async function startAskedProcess<Ready>(
  file: URL,
  args: string[],
  execArgv: string[] = [],
): Promise<AskedProcess<Ready>> {
  const child = fork(fileURLToPath(file), args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const exited = once(child, 'exit');
  const failed = exited.then(([code]) => {
    const fault = new Error(`${file.pathname} ended with ${code}`);
    for (const { reject } of waiting.values()) reject(fault);
    throw fault;
  });
  failed.catch(() => undefined);
  const [ready] = (await Promise.race([once(child, 'message'), failed])) as [Ready];
  child.on('message', ({ id, answer, fault }: Reply) => {
    const asker = waiting.get(id);
    waiting.delete(id);
    if (fault === undefined) asker?.resolve(answer);
    else asker?.reject(new Error(fault));
  });
  let last = 0;
  return {
    pid: child.pid ?? -1,
    ready,
    ask: <Answer>(question: string, about: unknown = null) => {
      const asker = Promise.withResolvers<unknown>();
      waiting.set(++last, asker);
      child.send({ id: last, question, about } satisfies Question);
      return asker.promise as Promise<Answer>;
    },
    stop: async () => {
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}
