import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createInbox, type Inbox } from '../inbox.ts';

/** What a node in a process of its own tells; `at` in milliseconds since 1970, with a fraction. */
export type NodeNews =
  | { is: 'ready'; nodeId: string }
  | { is: 'refused'; reason: string }
  | { is: 'started'; nodeId: string; at: number }
  | { is: 'working'; nodeId: string };

export type Started = Extract<NodeNews, { is: 'started' }>;

/** A process that can be killed, frozen and thawed, with real nodes in it. */
export type TellingNode = {
  /** Of the first one that became ready. */
  readonly nodeId: string;
  readonly pid: number;
  /** The jobs that began here. */
  readonly starts: Inbox<Started>;
  /** The nodes here that have accepted a job and are in the middle of it. */
  readonly working: Inbox<string>;
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
  /** Ends it, frozen or not, and waits until it is gone. */
  kill(): Promise<void>;
};

export type TellingNodeOptions = {
  relayUrl: string;
  slots?: number;
  /** How many nodes, each with its key and its connection. */
  count?: number;
  /** The network namespace to run in. */
  namespace?: string;
  /** Told of every job, beside `starts`. */
  onStart?: (started: Started) => void;
};

/** Resolves when all its nodes may be given jobs. */
export async function startTellingNode(options: TellingNodeOptions): Promise<TellingNode> {
  const { relayUrl, slots = 1, count = 1, namespace, onStart } = options;
  const file = fileURLToPath(new URL('telling-node.ts', import.meta.url));
  const within =
    namespace === undefined ? {} : { execPath: 'ip', execArgv: ['netns', 'exec', namespace, process.execPath] };
  const child = fork(file, [relayUrl, String(slots), String(count)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    ...within,
  });
  const exited = once(child, 'exit');
  const starts = createInbox<Started>();
  const working = createInbox<string>();
  const ready = Promise.withResolvers<string>();
  exited.then(([code, signal]) => ready.reject(new Error(`a node ended with ${code ?? signal} before it was ready`)));
  ready.promise.catch(() => undefined);
  let waitedFor = count;
  child.on('message', (news: NodeNews) => {
    if (news.is === 'refused') ready.reject(new Error(news.reason));
    if (news.is === 'started') {
      starts.push(news);
      onStart?.(news);
    }
    if (news.is === 'working') working.push(news.nodeId);
    if (news.is === 'ready' && --waitedFor === 0) ready.resolve(news.nodeId);
  });
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  try {
    const nodeId = await ready.promise;
    return { nodeId, pid: child.pid ?? -1, starts, working, signal: (name) => void child.kill(name), kill };
  } catch (error) {
    await kill();
    throw error;
  }
}
