import type { NatsConnection } from '@nats-io/transport-node';
import { Problem, toProblem } from '../../../shared/problems/problem.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { traceOf } from '../../../shared/tracing/message-trace.ts';
import type { TraceContext } from '../../../shared/tracing/trace-context.ts';
import type { RelayLog } from '../../log.ts';
import { shareNext } from '../../share-next.ts';
import { type BusAddress, type BusConnection, openBusConnection } from './bus-connection.ts';
import { listenForNodeEvents, type NodeEvents } from './bus-node-events.ts';
import { createOutbox } from './bus-outbox.ts';
import { listenForReplies, type Reply, type ReplyHandler } from './bus-replies.ts';
import { watchForStalls } from './bus-stalls.ts';

export type { Reply, ReplyHandler, ReplyStatus } from './bus-replies.ts';

/** `trace` is where in a trace the message belongs, if its headers say so. */
export type BusHandler = (subject: string, data: Uint8Array, reply: string | undefined, trace?: TraceContext) => void;

/** The relay's line to its nodes. Nothing is kept for later: what cannot be sent now throws `bus_unavailable`. */
export type Bus = {
  /**
   * Throws `bus_unavailable`, or `body_too_large` for what the server would cut the connection for. A `traceparent` goes
   * into the message's headers; it is left out where they do not fit or the server knows none.
   */
  publish(subject: string, data: Uint8Array, reply?: string, traceparent?: string): void;
  /**
   * One answer. Rejects with `node_lost` at once when nobody listens and after `timeoutMs` when nobody answers, with
   * `bus_unavailable` when the bus goes down meanwhile.
   */
  request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  /**
   * A subject for any number of answers. Named a node, only that node can write to it, and without a limit of time;
   * otherwise whoever was asked can, 100,000 times within ten minutes. Nothing is told when the bus goes down.
   */
  openReply(handler: ReplyHandler, nodeId?: string): Reply;
  subscribe(subject: string, handler: BusHandler): { close(): void };
  isConnected(): boolean;
  /** What one message may hold. */
  mostMessageBytes(): number;
  /**
   * Whether the bus stood still at some moment of the last so many milliseconds, though it is connected: what nodes did not
   * say by then says nothing of them.
   */
  stalledWithin(ms: number): boolean;
  onDown(listener: () => void): void;
  onUp(listener: () => void): void;
  /** Whether the two events below come, which takes a user of the server's system account. */
  readonly hasNodeEvents: boolean;
  onNodeConnect(listener: (publicKey: string) => void): void;
  /** The last connection of a user key (`U…`) has ended, a few milliseconds after it did. */
  onNodeDisconnect(listener: (publicKey: string) => void): void;
  /** Makes the server take a newer token of the fabric account. */
  updateAccount(jwt: string): Promise<void>;
  /** Sends what is under way, for at most a second, and ends. */
  close(): Promise<void>;
};

export type BusOptions = {
  fabric: BusAddress;
  /** The same servers as a user of the system account, and the account whose users but `self` are watched. */
  system?: { address: BusAddress; account: string; self: string };
  log: RelayLog;
};

const DRAIN_MS = 1_000;
/** What the headers of a message that is traced take at most; they count as part of it. */
const TRACE_HEADERS_BYTES = 128;

/** Connects to the bus. Throws `bus_unavailable` if that does not come about in 10 s. */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const { log } = options;
  const main = await openBusConnection(options.fabric, 'relay', log);
  try {
    const system = options.system && (await openBusConnection(options.system.address, 'relay-system', log));
    const events =
      system &&
      options.system &&
      listenForNodeEvents(system, { ...options.system, heardAll: shareNext(() => main.connection.flush()) }, log);
    const bus = createBus(main, system, events, log);
    await Promise.all([main.connection.flush(), system?.connection.flush()]);
    return bus;
  } catch (error) {
    await main.connection.close();
    throw toProblem(error, 'bus_unavailable');
  }
}

function createBus(
  main: BusConnection,
  system: BusConnection | undefined,
  events: NodeEvents | undefined,
  log: RelayLog,
): Bus {
  const { connection } = main;
  const replies = listenForReplies(connection, log);
  const outbox = createOutbox(main);
  const stalls = watchForStalls(() => connection.flush());
  const waiting = new Set<(problem: Problem) => void>();
  main.onDown(() => {
    for (const fail of waiting) fail(new Problem('bus_unavailable', 'The bus went down before an answer came.'));
  });

  const mostMessageBytes = (): number => connection.info?.max_payload ?? LIMITS.maxMessageBytes;
  const publish: Bus['publish'] = (subject, data, reply, traceparent) => {
    if (!main.isConnected()) throw new Problem('bus_unavailable', 'The bus is down. Try again in a moment.');
    const limit = mostMessageBytes();
    if (data.length > limit) {
      throw new Problem('body_too_large', `The message has ${data.length} bytes; the bus takes ${limit}.`);
    }
    if (traceparent === undefined || !takesHeaders(data)) outbox.add(subject, data, reply);
    else outbox.add(subject, data, reply, traceparent);
  };
  const takesHeaders = ({ length }: Uint8Array): boolean => {
    const { info } = connection;
    return info?.headers === true && length + TRACE_HEADERS_BYTES <= info.max_payload;
  };

  const request: Bus['request'] = (subject, data, timeoutMs) => {
    const answer = Promise.withResolvers<Uint8Array>();
    const reply = replies.open((bytes, status) => {
      if (status === 'message') answer.resolve(bytes);
      else answer.reject(new Problem('node_lost', 'The node is not connected any more.'));
    }, nodeOf(subject));
    const timer = setTimeout(() => {
      answer.reject(new Problem('node_lost', `The node did not answer within ${timeoutMs} ms.`));
    }, timeoutMs);
    waiting.add(answer.reject);
    const end = (): void => {
      clearTimeout(timer);
      waiting.delete(answer.reject);
      reply.close();
    };
    try {
      publish(subject, data, reply.subject);
    } catch (error) {
      answer.reject(error);
    }
    return answer.promise.finally(end);
  };

  return {
    publish,
    request,
    openReply: replies.open,
    subscribe: (subject, handler) => subscribe(connection, subject, handler, log),
    isConnected: main.isConnected,
    mostMessageBytes,
    stalledWithin: stalls.stalledWithin,
    onDown: main.onDown,
    onUp: main.onUp,
    hasNodeEvents: events !== undefined,
    onNodeConnect: (listener) => events?.onConnect(listener),
    onNodeDisconnect: (listener) => events?.onDisconnect(listener),
    updateAccount: async (jwt) => {
      if (events === undefined) throw new Problem('bus_unavailable', 'The relay has no system user on this bus.');
      await events.updateAccount(jwt);
    },
    close: async () => {
      stalls.stop();
      outbox.flush();
      await Promise.all([end(main), system && end(system)]);
      // Their timers would keep the process alive.
      for (const fail of waiting) fail(new Problem('bus_unavailable', 'The relay has left the bus.'));
    },
  };
}

function subscribe(connection: NatsConnection, subject: string, handler: BusHandler, log: RelayLog) {
  const subscription = connection.subscribe(subject, {
    callback: (error, message) => {
      if (error !== null) return;
      try {
        handler(message.subject, message.data, message.reply || undefined, traceOf(message));
      } catch (fault) {
        tellOfFault(message.subject, fault, log);
      }
    },
  });
  return { close: () => subscription.unsubscribe() };
}

/** What does not fit the protocol is its sender's doing; everything else is ours. */
function tellOfFault(subject: string, fault: unknown, log: RelayLog): void {
  const told = { node: nodeIn(subject), err: fault };
  if (fault instanceof Problem) log.warn(told, 'a message from the bus was dropped');
  else log.error(told, 'a message from the bus could not be handled');
}

/** The node that a subject of the fabric ends with. */
function nodeIn(subject: string): string {
  return subject.slice(subject.lastIndexOf('.') + 1);
}

/** The node that a subject `node.{id}.…` addresses. */
function nodeOf(subject: string): string | undefined {
  const [room, nodeId] = subject.split('.', 2);
  return room === 'node' ? nodeId : undefined;
}

async function end(bus: BusConnection): Promise<void> {
  const { connection } = bus;
  if (connection.isClosed()) return;
  // Draining waits for the server; without one it would never come back.
  if (bus.isConnected()) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const bound = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, DRAIN_MS);
    });
    await Promise.race([connection.drain().catch(() => {}), bound]);
    clearTimeout(timer);
  }
  await connection.close();
}
