import type {
  BusConnection,
  BusConnectionOptions,
  BusMessage,
  ConnectToBus,
} from '../../shared/agent/nats-connection.ts';
import type { ProblemCode } from '../../shared/problems/table.ts';
import { encodeJson } from '../../shared/protocol/codec.ts';
import type { EnrollResponse } from '../../shared/protocol/enrollment.ts';
import type { Frame, Heartbeat } from '../../shared/protocol/messages.ts';
import { createInbox, type Inbox } from './inbox.ts';

export const SCRIPTED_NODE_ID = 'attic-aaaaaaaaaa';

/** One enrolment that a node asks for, answered by hand. */
export type Enrolment = {
  readonly authorization: string | null;
  readonly body: unknown;
  readonly signal: AbortSignal;
  accept(credentials?: Partial<EnrollResponse>): void;
  refuse(status: number, code: ProblemCode | 'some-later-code', detail?: string): void;
  /** Any response at all. */
  respond(response: Response): void;
  fail(error: Error): void;
};

/** One connection that a node opens. */
export type Line = {
  readonly options: BusConnectionOptions;
  accept(): void;
  refuse(error: Error): void;
  /** Says something to the node, if it listens to that; returns what it answers to a reply subject from then on. */
  say(subject: string, value: unknown): Answers;
  readonly beats: Heartbeat[];
  /** The connection is lost, and found again. */
  down(): void;
  up(): void;
  /** It ends for good. */
  end(error?: Error): void;
  readonly isClosed: boolean;
};

export type Answers = { readonly values: unknown[]; readonly frames: Frame[] };

/** A relay without a process: what a real agent is given as `fetch` and `connect`. */
export type ScriptedRelay = {
  fetch: typeof globalThis.fetch;
  connect: ConnectToBus;
  readonly enrolments: Inbox<Enrolment>;
  readonly lines: Inbox<Line>;
};

export function createScriptedRelay(): ScriptedRelay {
  const enrolments = createInbox<Enrolment>();
  const lines = createInbox<Line>();
  return {
    enrolments,
    lines,
    fetch: (_url, init = {}) => {
      const response = Promise.withResolvers<Response>();
      const signal = init.signal ?? new AbortController().signal;
      signal.addEventListener('abort', () => response.reject(signal.reason), { once: true });
      enrolments.push({
        authorization: new Headers(init.headers).get('authorization'),
        body: JSON.parse(new TextDecoder().decode(init.body as Uint8Array)),
        signal,
        accept: (credentials = {}) =>
          response.resolve(
            Response.json({
              nodeId: SCRIPTED_NODE_ID,
              jwt: 'jwt-1',
              expiresAt: 2 ** 31,
              busPath: '/nats',
              ...credentials,
            }),
          ),
        refuse: (status, code, detail = 'No.') => response.resolve(Response.json({ code, detail }, { status })),
        respond: response.resolve,
        fail: response.reject,
      });
      return response.promise;
    },
    connect: (options) => {
      const connected = Promise.withResolvers<BusConnection>();
      options.signal.addEventListener('abort', () => connected.reject(options.signal.reason), { once: true });
      lines.push(createLine(options, connected));
      return connected.promise;
    },
  };
}

function createLine(options: BusConnectionOptions, connected: PromiseWithResolvers<BusConnection>): Line {
  const handlers = new Map<string, (message: BusMessage) => void>();
  const answers = new Map<string, Answers>();
  const beats: Heartbeat[] = [];
  const closed = Promise.withResolvers<Error | undefined>();
  let isClosed = false;
  const end = (error?: Error): void => {
    isClosed = true;
    closed.resolve(error);
  };
  const publish = (subject: string, data: Uint8Array): void => {
    const value: unknown = JSON.parse(new TextDecoder().decode(data));
    if (subject.startsWith('fabric.heartbeat.')) beats.push(value as Heartbeat);
    answers.get(subject)?.values.push(value);
  };
  const connection: BusConnection = {
    publish,
    subscribe: (subject, handler) => void handlers.set(subject, handler),
    flush: async () => undefined,
    closed: closed.promise,
    reconnect: async () => undefined,
    close: async () => end(),
  };
  return {
    options,
    accept: () => connected.resolve(connection),
    refuse: connected.reject,
    beats,
    say: (subject, value) => {
      const reply = `reply.${answers.size}`;
      const values: unknown[] = [];
      const heard = { values, frames: values as Frame[] };
      answers.set(reply, heard);
      const data = value instanceof Uint8Array ? value : encodeJson(value);
      for (const [pattern, handler] of handlers) {
        const isFor = pattern === subject || (pattern.endsWith('>') && subject.startsWith(pattern.slice(0, -1)));
        if (isFor) handler({ subject, data, reply });
      }
      return heard;
    },
    down: options.onDown,
    up: options.onUp,
    end,
    get isClosed() {
      return isClosed;
    },
  };
}
