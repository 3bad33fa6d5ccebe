import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A TypeScript file in a process of its own, which says by one message that it is ready. */
export type ReadyProcess<Message> = {
  readonly pid: number;
  readonly message: Message;
  /** Lets it end by itself, which it does when its channel closes, and waits for that. */
  stop(): Promise<void>;
};

const STOP_TIMEOUT_MS = 5_000;

/** Resolves with what the process told first; rejects if it ends before. It ends with this process. */
export async function startReadyProcess<Message>(file: URL, args: string[]): Promise<ReadyProcess<Message>> {
  const child = fork(fileURLToPath(file), args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const exited = once(child, 'exit');
  const failed = exited.then(([code]) => {
    throw new Error(`${file.pathname} ended with ${code} before it was ready`);
  });
  failed.catch(() => undefined);
  const [message] = (await Promise.race([once(child, 'message'), failed])) as [Message];
  return { pid: child.pid ?? -1, message, stop: () => stop(child, exited) };
}

async function stop(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
}
