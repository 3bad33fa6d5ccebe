/** Entry of the thread that holds the database; its other end is `database-thread.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import { type LocalStoreOptions, openLocalStore } from './local-store.ts';
import { type Call, type FromThread, type ToThread, toErrorRecord } from './thread-messages.ts';

type Methods = Record<string, (...args: readonly unknown[]) => Promise<unknown>>;
type Outcomes = Extract<FromThread, { type: 'outcomes' }>;

const port = parentPort;
if (port === null) throw new Error('database-worker.ts runs only as a worker thread.');
const post = (message: FromThread): void => port.postMessage(message);

let outcomes: Outcomes | undefined;

/** What settles together, as the writes of one commit do, leaves together. */
function gather(): Outcomes {
  if (outcomes !== undefined) return outcomes;
  queueMicrotask(() => {
    if (outcomes !== undefined) post(outcomes);
    outcomes = undefined;
  });
  outcomes = { type: 'outcomes', values: [], errors: [] };
  return outcomes;
}

try {
  const store = openLocalStore(workerData as LocalStoreOptions);
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
  post({ type: 'opened' });
} catch (error) {
  post({ type: 'refused', error: toErrorRecord(error) });
}
