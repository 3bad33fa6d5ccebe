import { Worker } from 'node:worker_threads';
import { Problem } from '../../../shared/problems/problem.ts';
import { InFlight } from '../../in-flight.ts';
import type { StoreRooms } from '../store-rooms.ts';
import type { PendingUpgrade } from '../tell-upgrade.ts';
import { type Call, type FromThread, fromErrorRecord, type Room, type ToThread } from './thread-messages.ts';

/** About 2 KB each, so that a disk that stands still costs 100 MB before callers are told. */
const DEFAULT_MAX_PENDING = 50_000;
/** Of many small messages and commits most of the cost is their number. */
const PATIENCE_MS = 10;

export type DatabaseThreadOptions = {
  /** What people are told of; without secrets. */
  name: string;
  /** The file that opens the database with `workerData` and serves it. */
  workerUrl: URL;
  workerData: unknown;
  /** How many calls may wait for the thread. */
  maxPending?: number | undefined;
  /** Hears that the thread brings an older database up to date, before it is opened. */
  onUpgrade?: ((pending: PendingUpgrade) => void) | undefined;
};

type Method<R extends Room, M extends keyof StoreRooms[R]> = Extract<
  StoreRooms[R][M],
  (...args: never[]) => Promise<unknown>
>;

/** Calls a method of the store in the thread. */
type Ask = <R extends Room, M extends keyof StoreRooms[R] & string>(
  room: R,
  method: M,
  ...args: Parameters<Method<R, M>>
) => ReturnType<Method<R, M>>;

export type DatabaseThread = {
  /** The call leaves at the end of this turn of the event loop. */
  ask: Ask;
  /** The call leaves after at most `PATIENCE_MS`, with whatever else comes until then. */
  askPatiently: Ask;
  /** Finishes every accepted call, then ends the thread. May be called twice. */
  close(): Promise<void>;
};

type Pending = { resolve: (value: unknown) => void; reject: (error: unknown) => void };

/** Starts the thread and opens the database in it. Errors: those of opening it. */
export async function startDatabaseThread(options: DatabaseThreadOptions): Promise<DatabaseThread> {
  const { name, workerUrl, workerData, maxPending = DEFAULT_MAX_PENDING, onUpgrade } = options;
  // Without the options of this process: some, such as --input-type, would keep the thread from starting.
  const worker = new Worker(workerUrl, { workerData, execArgv: [] });
  if (onUpgrade !== undefined) {
    worker.on('message', (message: FromThread) => message.type === 'upgrading' && onUpgrade(message.pending));
  }
  const line = new DatabaseLine(worker, name, maxPending);
  try {
    await line.opened;
  } catch (error) {
    await worker.terminate();
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    ask: ((room, method, ...args) => line.call(room, method, args, 0)) as Ask,
    askPatiently: ((room, method, ...args) => line.call(room, method, args, PATIENCE_MS)) as Ask,
    close: () => (closing ??= line.close()),
  };
}

/**
 * The calls to one thread.
 *
 * 1. `#pending` holds exactly the calls that were accepted and have not settled. They keep the process alive, and the
 *    thread alone does not.
 * 2. Calls reach the thread in the order they were made, the patient ones at the latest with the next impatient one.
 * 3. When the thread ends, for whatever reason, every pending call is rejected, and so is every later one.
 * 4. At most `#maxPending` calls are pending; one more is refused and the accepted ones are not touched.
 * 5. A call that cannot be sent is rejected alone; those of its message are sent without it.
 */
class DatabaseLine {
  readonly opened: Promise<void>;
  readonly #worker: Worker;
  readonly #name: string;
  readonly #maxPending: number;
  readonly #opening = Promise.withResolvers<void>();
  #pending = new InFlight<Pending>();
  #outgoing: Call[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #immediate: ReturnType<typeof setImmediate> | undefined;
  #refusal: Problem | undefined;

  constructor(worker: Worker, name: string, maxPending: number) {
    this.#worker = worker;
    this.#name = name;
    this.#maxPending = maxPending;
    this.opened = this.#opening.promise;
    worker.on('message', (message: FromThread) => this.#receive(message));
    worker.on('messageerror', (error) => this.#end(error));
    worker.on('error', (error) => this.#end(error));
    worker.on('exit', (code) => this.#end(new Error(`exit code ${code}`)));
  }

  call(room: Room, method: string, args: readonly unknown[], patienceMs: number): Promise<unknown> {
    const refusal = this.#refusal ?? (this.#pending.size < this.#maxPending ? undefined : this.#tooMany());
    if (refusal !== undefined) return Promise.reject(refusal);
    return this.#send(room, method, args, patienceMs);
  }

  async close(): Promise<void> {
    if (this.#refusal === undefined) {
      const closed = this.#send('whole', 'close', [], 0);
      this.#refusal = new Problem('draining', 'The relay is shutting down; its database is closed.');
      // A thread that ends before has let go of the files too, and those whose calls it took with it have been told.
      await closed.catch(() => undefined);
    }
    await this.#worker.terminate();
  }

  #send(room: Room, method: string, args: readonly unknown[], patienceMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#pending.size === 0) this.#worker.ref();
      const id = this.#pending.add({ resolve, reject });
      this.#outgoing.push([id, room, method, args]);
      if (patienceMs === 0) this.#immediate ??= setImmediate(() => this.#flush());
      else this.#timer ??= setTimeout(() => this.#flush(), patienceMs);
    });
  }

  #flush(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#immediate = undefined;
    const calls = this.#outgoing;
    this.#outgoing = [];
    this.#post(calls);
  }

  #post(calls: ToThread): void {
    try {
      this.#worker.postMessage(calls);
    } catch (error) {
      const [first] = calls;
      if (first !== undefined && calls.length === 1) this.#take(first[0])?.reject(error);
      else for (const call of calls) this.#post([call]);
    }
  }

  #receive(message: FromThread): void {
    if (message.type === 'opened') {
      this.#worker.unref();
      this.#opening.resolve();
    } else if (message.type === 'refused') {
      this.#opening.reject(fromErrorRecord(message.error));
    } else if (message.type === 'outcomes') {
      for (const [id, value] of message.values) this.#take(id)?.resolve(value);
      for (const [id, error] of message.errors) this.#take(id)?.reject(fromErrorRecord(error));
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending !== undefined) this.#pending.remove(id, pending);
    if (this.#pending.size === 0) this.#worker.unref();
    return pending;
  }

  #end(cause: Error): void {
    const detail = `The thread of the database ${this.#name} has ended (${cause.message}). Start the relay again.`;
    const problem = new Problem('storage_failed', detail, { cause });
    this.#refusal ??= problem;
    this.#opening.reject(problem);
    const lost = this.#pending;
    this.#pending = new InFlight();
    this.#outgoing = [];
    for (const pending of lost) pending.reject(problem);
    void this.#worker.terminate();
  }

  #tooMany(): Problem {
    const detail = `${this.#maxPending} calls already wait for ${this.#name}. Look at its load.`;
    return new Problem('storage_failed', detail, { retryAfterMs: 1_000 });
  }
}
