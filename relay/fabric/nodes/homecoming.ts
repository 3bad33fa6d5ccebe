import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { Bus } from '../bus/bus.ts';
import type { NodeTable } from './node-table.ts';

/** The nodes that were there before the relay or its bus went away, and may be back at any moment. */
export type Homecoming = {
  /** Those that are not back yet; nobody once their time is over. */
  awaited(): ReadonlySet<string>;
  /** Awaits those of the nodes that are not here, from now on. */
  expect(nodeIds: Iterable<string>): void;
  /** What is found now, or as soon as a node is back with which something is; undefined when nobody is awaited any more. */
  find<Value>(look: () => Promise<Value | undefined>): Promise<Value | undefined>;
  /** Nobody is awaited any more. */
  onOver(listener: () => void): void;
  stop(): void;
};

export type HomecomingPorts = { bus: Pick<Bus, 'onDown' | 'onUp'>; table: NodeTable };

/** By then every node that is connected has beaten and answered its offer; those that are not try several times a second. */
const COME_BACK_MS = LIMITS.heartbeatIntervalMs + LIMITS.acceptTimeoutMs;
/** A server that has ended is there again within two seconds, and a relay that stood still finds its own within a tenth of one. */
const BUS_BACK_MS = 5_000;

/**
 * Knows for whom it is worth to wait: in the first moments of a relay that nodes were paired with, or of a bus that went or came back,
 * no node and no model is no news.
 *
 * Invariants: (1) a node is awaited until it is here, and nobody longer than `COME_BACK_MS`, or `BUS_BACK_MS` for the bus itself;
 * (2) who waits is told of each node that comes back, and of the end.
 */
export function watchHomecoming({ bus, table }: HomecomingPorts): Homecoming {
  const awaited = new Set<string>();
  let left: string[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const listeners: (() => void)[] = [];
  let news = Promise.withResolvers<void>();

  const tellNews = (): void => {
    news.resolve();
    news = Promise.withResolvers();
  };
  const end = (): void => {
    clearTimeout(timer);
    awaited.clear();
    for (const listener of listeners) listener();
    tellNews();
  };
  const awaitFor = (ms: number): void => {
    clearTimeout(timer);
    if (awaited.size === 0) end();
    else timer = setTimeout(end, ms).unref();
  };
  const expect: Homecoming['expect'] = (nodeIds) => {
    for (const id of nodeIds) awaited.add(id);
    for (const id of awaited) if (table.get(id) !== undefined) awaited.delete(id);
    awaitFor(COME_BACK_MS);
  };

  table.listen({
    onDocument: ({ node_id }) => {
      if (!awaited.delete(node_id)) return;
      if (awaited.size === 0) end();
      else tellNews();
    },
  });
  bus.onDown(() => {
    left = [...awaited, ...table.live().map(({ id }) => id)];
    // They are about to leave the table.
    for (const id of left) awaited.add(id);
    awaitFor(BUS_BACK_MS);
  });
  bus.onUp(() => expect(left));

  return {
    awaited: () => awaited,
    expect,
    find: async (look) => {
      for (;;) {
        const { promise } = news;
        const found = await look();
        if (found !== undefined || awaited.size === 0) return found;
        await promise;
      }
    },
    onOver: (listener) => void listeners.push(listener),
    stop: () => clearTimeout(timer),
  };
}
