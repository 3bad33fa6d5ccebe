import { createNKey } from '../../relay/fabric/bus/nkey.ts';
import type {
  BusConnection,
  BusConnectionOptions,
  BusMessage,
  ConnectToBus,
} from '../../shared/agent/nats-connection.ts';
import { type PairingTranscript, relayStatement } from '../../shared/identity/pairing-transcript.ts';
import type { ProblemCode } from '../../shared/problems/table.ts';
import { bytesToBase64Url } from '../../shared/protocol/base64.ts';
import { encodeJson } from '../../shared/protocol/codec.ts';
import type { EnrollRequest, EnrollResponse } from '../../shared/protocol/enrollment.ts';
import { PROTOCOL_VERSION } from '../../shared/protocol/limits.ts';
import type { Frame, Heartbeat } from '../../shared/protocol/messages.ts';
import type { ChallengeResponse } from '../../shared/protocol/pairing.ts';
import { subjects } from '../../shared/protocol/subjects.ts';
import { createInbox, type Inbox } from './inbox.ts';

export const SCRIPTED_NODE_ID = 'attic-aaaaaaaaaa';

/** One enrolment that a node asks for, answered by hand. */
export type Enrolment = {
  readonly authorization: string | null;
  readonly body: EnrollRequest;
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
  /** Says something to the node, if it listens to that; returns what it answers to a reply subject from then on: the relay's own, or another's. */
  say(subject: string, value: unknown, replies?: string): Answers;
  /** Says something that wants no answer. */
  tell(subject: string, value: unknown): void;
  readonly beats: Heartbeat[];
  /** The connection is lost, and found again. */
  down(): void;
  up(): void;
  /** It ends for good. */
  end(error?: Error): void;
  readonly isClosed: boolean;
  /** How often the node has wanted to begin anew. */
  readonly reconnects: number;
  /** How often it has doubted its line. */
  readonly probes: number;
};

export type Answers = {
  readonly values: unknown[];
  readonly frames: Frame[];
  /** The next of them, now or once it is there. */
  next(): Promise<unknown>;
};

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
    fetch: (url, init = {}) => {
      if (asksForChallenge(url)) return Promise.resolve(Response.json(CHALLENGE));
      const body = bodyOf(init);
      const response = Promise.withResolvers<Response>();
      const signal = init.signal ?? new AbortController().signal;
      signal.addEventListener('abort', () => response.reject(signal.reason), { once: true });
      enrolments.push({
        authorization: new Headers(init.headers).get('authorization'),
        body,
        signal,
        accept: (changes = {}) => response.resolve(Response.json(credentialsFor(body, changes))),
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

const RELAY_KEY = createNKey('server');
const CHALLENGE: ChallengeResponse = {
  relayPublicKey: RELAY_KEY.publicKey,
  challenge: 'c'.repeat(43),
  expiresAt: 2 ** 31,
};

/** The `fetch` of a relay that lets every node in, with these credentials. */
export function fetchFromRelay(credentials: Partial<EnrollResponse>): typeof globalThis.fetch {
  return async (url, init = {}) =>
    Response.json(asksForChallenge(url) ? CHALLENGE : credentialsFor(bodyOf(init), credentials));
}

function asksForChallenge(url: string | URL | Request): boolean {
  return String(url).endsWith('/v1/pairing/challenge');
}

function bodyOf({ body }: RequestInit): EnrollRequest {
  return JSON.parse(new TextDecoder().decode(body as Uint8Array)) as EnrollRequest;
}

function credentialsFor({ publicKey, name, proof }: EnrollRequest, changes: Partial<EnrollResponse>): EnrollResponse {
  if (proof === undefined) throw new Error('the node showed no proof');
  const answer = { nodeId: SCRIPTED_NODE_ID, jwt: 'jwt-1', expiresAt: 2 ** 31, busPath: '/nats', ...changes };
  const transcript: PairingTranscript = {
    protocol: PROTOCOL_VERSION,
    purpose: 'enroll',
    relay: proof.relay,
    relayKey: RELAY_KEY.publicKey,
    nodeKey: publicKey,
    nodeName: name,
    nodeNonce: proof.nonce,
    challenge: proof.challenge,
    codeId: null,
    authority: proof.authority,
    tlsKey: proof.tlsKey,
  };
  const signature = RELAY_KEY.sign(relayStatement(transcript, { ...answer, state: 'active' }));
  return { ...answer, relaySignature: bytesToBase64Url(signature) };
}

type Heard = Answers & { hear(value: unknown): void };

function createAnswers(): Heard {
  const inbox = createInbox<unknown>();
  const values = inbox.all as unknown[];
  return { values, frames: values as Frame[], next: inbox.next, hear: inbox.push };
}

function createLine(options: BusConnectionOptions, connected: PromiseWithResolvers<BusConnection>): Line {
  const handlers = new Map<string, (message: BusMessage) => void>();
  const answers = new Map<string, Heard>();
  const beats: Heartbeat[] = [];
  const closed = Promise.withResolvers<Error | undefined>();
  let isClosed = false;
  let reconnects = 0;
  let probes = 0;
  const end = (error?: Error): void => {
    isClosed = true;
    closed.resolve(error);
  };
  const publish = (subject: string, data: Uint8Array): void => {
    const value: unknown = JSON.parse(new TextDecoder().decode(data));
    if (subject.startsWith('fabric.heartbeat.')) beats.push(value as Heartbeat);
    answers.get(subject)?.hear(value);
  };
  const deliver = (subject: string, value: unknown, reply: string | undefined): void => {
    const data = value instanceof Uint8Array ? value : encodeJson(value);
    for (const [pattern, handler] of handlers) {
      const isFor = pattern === subject || (pattern.endsWith('>') && subject.startsWith(pattern.slice(0, -1)));
      if (isFor) handler({ subject, data, reply });
    }
  };
  const connection: BusConnection = {
    publish,
    subscribe: (subject, handler) => void handlers.set(subject, handler),
    flush: async () => undefined,
    closed: closed.promise,
    reconnect: async () => {
      reconnects += 1;
    },
    probe: () => {
      probes += 1;
    },
    close: async () => end(),
  };
  return {
    options,
    accept: () => connected.resolve(connection),
    refuse: connected.reject,
    beats,
    say: (subject, value, replies = subjects.relayReplies(SCRIPTED_NODE_ID)) => {
      const reply = `${replies}${answers.size}`;
      const heard = createAnswers();
      answers.set(reply, heard);
      deliver(subject, value, reply);
      return heard;
    },
    tell: (subject, value) => deliver(subject, value, undefined),
    down: options.onDown,
    up: options.onUp,
    end,
    get isClosed() {
      return isClosed;
    },
    get reconnects() {
      return reconnects;
    },
    get probes() {
      return probes;
    },
  };
}
