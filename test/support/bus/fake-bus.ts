import type { Bus, BusHandler, ReplyHandler } from '../../../relay/fabric/bus/bus.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { createInbox, type Inbox } from '../inbox.ts';

/** A request that waits for its answer. */
export type FakeRequest = {
  subject: string;
  data: Uint8Array;
  answer(data: Uint8Array): void;
  fail(problem: Problem): void;
};

/** The relay's line to its nodes without a server, so that a test decides what comes when. */
export type FakeBus = Bus & {
  readonly requests: Inbox<FakeRequest>;
  readonly published: { subject: string; data: Uint8Array; reply: string | undefined }[];
  /** What came from outside on a subject that is subscribed to. */
  say(subject: string, data: Uint8Array): void;
  /** What came from outside to a reply subject; false when nobody listens there any more. */
  reply(subject: string, data: Uint8Array, status?: 'message' | 'no-responders'): boolean;
  openReplies(): number;
  setConnected(connected: boolean): void;
  setStalled(isStalled: boolean): void;
  connectNode(publicKey: string): void;
  disconnectNode(publicKey: string): void;
};

export function createFakeBus(): FakeBus {
  const handlers = new Map<string, BusHandler>();
  const replies = new Map<string, ReplyHandler>();
  const listeners = { down: [] as (() => void)[], up: [] as (() => void)[] };
  const nodes = { connect: [] as ((key: string) => void)[], disconnect: [] as ((key: string) => void)[] };
  const requests = createInbox<FakeRequest>();
  const published: FakeBus['published'] = [];
  let connected = true;
  let stalled = false;
  let last = 0;
  return {
    requests,
    published,
    publish: (subject, data, reply) => {
      if (!connected) throw new Problem('bus_unavailable', 'The bus is down.');
      published.push({ subject, data, reply });
    },
    request: (subject, data) =>
      new Promise((answer, fail) => {
        requests.push({ subject, data, answer, fail });
      }),
    openReply: (handler) => {
      const subject = `reply.${++last}`;
      replies.set(subject, handler);
      return { subject, close: () => void replies.delete(subject) };
    },
    subscribe: (subject, handler) => {
      handlers.set(subject, handler);
      return { close: () => void handlers.delete(subject) };
    },
    isConnected: () => connected,
    mostMessageBytes: () => LIMITS.maxMessageBytes,
    stalledWithin: () => stalled,
    setStalled: (isStalled) => {
      stalled = isStalled;
    },
    onDown: (listener) => void listeners.down.push(listener),
    onUp: (listener) => void listeners.up.push(listener),
    hasNodeEvents: true,
    onNodeConnect: (listener) => void nodes.connect.push(listener),
    onNodeDisconnect: (listener) => void nodes.disconnect.push(listener),
    updateAccount: async () => undefined,
    close: async () => undefined,
    say: (subject, data) => {
      for (const [pattern, handler] of handlers) {
        if (subject.startsWith(pattern.replace('*', ''))) handler(subject, data, undefined);
      }
    },
    reply: (subject, data, status = 'message') => {
      const handler = replies.get(subject);
      handler?.(data, status);
      return handler !== undefined;
    },
    openReplies: () => replies.size,
    setConnected: (to) => {
      connected = to;
      for (const listener of to ? listeners.up : listeners.down) listener();
    },
    connectNode: (key) => {
      for (const listener of nodes.connect) listener(key);
    },
    disconnectNode: (key) => {
      for (const listener of nodes.disconnect) listener(key);
    },
  };
}
