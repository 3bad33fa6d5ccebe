import { type MessagePort, parentPort } from 'node:worker_threads';
import type { StoreRooms } from '../store-rooms.ts';
import type { PendingUpgrade } from '../tell-upgrade.ts';
import { type Call, type FromThread, type ToThread, toErrorRecord } from './thread-messages.ts';

type Methods = Record<string, (...args: readonly unknown[]) => Promise<unknown>>;
type Outcomes = Extract<FromThread, { type: 'outcomes' }>;

/** Opens a database in this worker thread and answers calls to it; the other end is `database-thread.ts`. */
export async function serveStore(
  open: (onUpgrade: (pending: PendingUpgrade) => void) => StoreRooms | Promise<StoreRooms>,
): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('a store is served only by a worker thread');
  try {
    const store = await open((pending) => port.postMessage({ type: 'upgrading', pending } satisfies FromThread));
    const gather = createGatherer(port);
    const answer = async ([id, room, method, args]: Call): Promise<void> => {
      try {
        const value = await (store[room] as unknown as Methods)[method]?.(...args);
        gather().values.push([id, value]);
      } catch (error) {
        gather().errors.push([id, toErrorRecord(error)]);
      }
    };
    port.on('message', (calls: ToThread) => {
      for (const call of calls) void answer(call);
    });
    port.postMessage({ type: 'opened' } satisfies FromThread);
  } catch (error) {
    port.postMessage({ type: 'refused', error: toErrorRecord(error) } satisfies FromThread);
  }
}

/** What settles together, as the writes of one commit do, leaves together. */
function createGatherer(port: MessagePort): () => Outcomes {
  let outcomes: Outcomes | undefined;
  return () => {
    if (outcomes !== undefined) return outcomes;
    queueMicrotask(() => {
      if (outcomes !== undefined) port.postMessage(outcomes satisfies FromThread);
      outcomes = undefined;
    });
    outcomes = { type: 'outcomes', values: [], errors: [] };
    return outcomes;
  };
}
