import type { OwnerPolicy } from '../policy/owner-policy.ts';
import { Problem } from '../problems/problem.ts';
import { encodeJson, messageReader } from '../protocol/codec.ts';
import type { EnrollResponse } from '../protocol/enrollment.ts';
import { LIMITS } from '../protocol/limits.ts';
import { CancelRequest, type Heartbeat, JobRequest, OpenSession, SessionOpened } from '../protocol/messages.ts';
import { JOB_TYPES, type JobType, subjects } from '../protocol/subjects.ts';
import type { DocumentKeeper } from './document-keeper.ts';
import type { JobRunner } from './job-runner.ts';
import type { AgentLog } from './log.ts';
import type { BusConnection, BusConnectionOptions, BusMessage, ConnectToBus, OpenSocket } from './nats-connection.ts';
import type { OperatorDesk } from './operator-desk.ts';
import type { Slots } from './slots.ts';
import type { WarmSessions } from './warm-sessions.ts';

export type SessionPorts = {
  credentials: () => EnrollResponse;
  busUrl: string;
  /** A line to the bus past the relay's process. */
  directUrl: string | undefined;
  key: BusConnectionOptions['key'];
  openSocket?: OpenSocket | undefined;
  instance: string;
  connect: ConnectToBus;
  slots: Slots;
  policy: OwnerPolicy;
  documents: DocumentKeeper;
  operators: OperatorDesk;
  jobs: JobRunner;
  warm: WarmSessions;
  /** The epoch the relay gave; the job runner reads it too. */
  epoch: { current: number };
  /** Milliseconds since 1970. */
  now: () => number;
  log: AgentLog;
  /** Ends an attempt to connect. */
  signal: AbortSignal;
  onOpen(): void;
  /** The line is lost, and will be sought; it is there again, or ended for good. */
  line?: { down(): void; up(): void };
  /** The machine slept, or its clock was set. */
  onLeap(): void;
  /** The line could not be opened anew, so long after the time before. */
  onFailed?(error: Error, sinceMs: number): void;
};

export type Session = {
  /** Tells the relay now rather than at the next beat, because slots or models have changed. */
  announce(): void;
  readonly ended: Promise<Error | undefined>;
  /** Goes on with renewed credentials; the relay opens a new session. */
  reconnect(): Promise<void>;
  /** Resolves once the bus has everything that was told so far. */
  flush(): Promise<void>;
  close(): Promise<void>;
};

const readOpenSession = messageReader(OpenSession, 'session offer');
const readSessionOpened = messageReader(SessionOpened, 'session confirmation');
const readJobRequest = messageReader(JobRequest, 'job request');
const readCancel = messageReader(CancelRequest, 'cancel request');

/**
 * One connection to the relay's bus, reconnected by its transport.
 *
 * Invariants: (1) no job starts before the relay has opened a session on this connection (SPEC S4); (2) losing the
 * connection ends the session: the epoch returns to 0 and running jobs are abandoned, because the relay has already
 * given them to another node; (3) heartbeats carry the epoch they were sent under.
 */
export async function openSession(ports: SessionPorts): Promise<Session> {
  const { nodeId } = ports.credentials();
  const endEpoch = (reason: string): void => {
    ports.epoch.current = 0;
    ports.jobs.abandonAll(reason);
    ports.operators.abandonAll(reason);
  };
  let bus: BusConnection;
  let wasUp = false;
  let failedAt = ports.now();
  let toldLoad = '';
  const announce = (): void => {
    const load = ports.documents.load();
    toldLoad = JSON.stringify(load);
    const { slots_total: total, slots_used: used, in_use } = load;
    const beat: Heartbeat = {
      instance: ports.instance,
      epoch: ports.epoch.current,
      revision: ports.documents.revision(),
      slots: { total, used },
      ...(in_use === undefined ? {} : { in_use }),
      ...warmOf(ports.warm),
    };
    publish(subjects.heartbeat(nodeId), encodeJson(beat));
  };
  /** What the bus does not take ends neither a timer nor whoever has news: the relay goes by what it hears. */
  const publish: BusConnection['publish'] = (subject, data) => {
    try {
      bus.publish(subject, data);
    } catch (error) {
      ports.log.error({ subject, reason: reasonOf(error) }, 'the bus does not take what this node says of itself');
    }
  };
  const isNews = (): boolean => ports.epoch.current === 0 || JSON.stringify(ports.documents.load()) !== toldLoad;
  bus = await ports.connect({
    url: ports.busUrl,
    directUrl: ports.directUrl,
    nodeId,
    inboxPrefix: subjects.inboxPrefix(nodeId),
    jwt: () => ports.credentials().jwt,
    key: ports.key,
    openSocket: ports.openSocket,
    signal: ports.signal,
    onDown: () => {
      ports.log.warn({ node: nodeId }, 'the connection to the relay is down');
      endEpoch('The connection to the relay was lost.');
      ports.line?.down();
    },
    onFailed: (error) => {
      // That the first line does not come up is told by whoever asked for it.
      if (!wasUp) return;
      ports.onFailed?.(error, ports.now() - failedAt);
      failedAt = ports.now();
    },
    onUp: () => {
      ports.line?.up();
      ports.log.info({ node: nodeId }, 'the connection to the relay is up again');
      announce();
    },
  });
  wasUp = true;
  const tell = { announce, news: () => isNews() && announce(), reports: () => ports.operators.report(publish) };
  listen(bus, nodeId, ports, tell);
  announce();
  let beatenAt = ports.now();
  const beat = setInterval(() => {
    const sinceMs = ports.now() - beatenAt;
    beatenAt += sinceMs;
    // A machine that slept has lost its session, and often its line, which nothing says then.
    if (sinceMs > LIMITS.leaseMs) bus.probe();
    if (Math.abs(sinceMs) > LIMITS.clockSkewMs) ports.onLeap();
    ports.policy.check();
    announce();
    tell.reports();
  }, LIMITS.heartbeatIntervalMs);
  const ended = bus.closed.finally(() => {
    clearInterval(beat);
    ports.line?.up();
    endEpoch('The connection to the relay has ended.');
  });
  return { announce, ended, reconnect: () => bus.reconnect(), flush: () => bus.flush(), close: () => bus.close() };
}

function warmOf(warm: WarmSessions): Pick<Heartbeat, 'warm'> {
  const digests = warm.current();
  return digests.length === 0 ? {} : { warm: [...digests] };
}

type Tell = { announce(): void; news(): void; reports(): void };

function listen(bus: BusConnection, nodeId: string, ports: SessionPorts, tell: Tell): void {
  const sendDocument = ({ reply, subject }: BusMessage): void => {
    if (reply === undefined) return;
    ports.documents
      .current()
      .then((document) => bus.publish(reply, encodeJson(document)))
      // Also what the transport has against the reply subject, which is whatever the asker made it.
      .catch((error: unknown) =>
        ports.log.error({ subject, reason: reasonOf(error) }, 'the capabilities cannot be told'),
      );
  };
  const handlers = new Map<string, (message: BusMessage) => void>([
    [
      subjects.openSession(nodeId),
      (message) => {
        acceptSession(message, ports);
        sendDocument(message);
        tell.reports();
      },
    ],
    [subjects.sessionOpened(nodeId), (message) => confirmSession(message, ports)],
    [subjects.ping(nodeId), ({ reply }) => void (reply && bus.publish(reply, new Uint8Array()))],
    [subjects.capabilities(nodeId), sendDocument],
    [
      subjects.discover,
      (message) => {
        // Nobody waits for a document: a relay that has just come wants to hear who is there (SPEC S9).
        if (message.reply === undefined) return tell.announce();
        // First: whoever has heard every document knows every load, too (SPEC K14).
        tell.news();
        sendDocument(message);
      },
    ],
    [subjects.resultKept(nodeId), (message) => ports.operators.kept(message.data)],
    [subjects.cancelJob(nodeId), (message) => ports.jobs.cancel(readCancel(message.data))],
  ]);
  for (const type of JOB_TYPES) {
    handlers.set(subjects.jobRequest(nodeId, type), (message) => startJob(type, message, bus, ports));
  }
  const dispatch = (message: BusMessage): void => {
    try {
      handlers.get(message.subject)?.(message);
    } catch (error) {
      ports.log.warn({ subject: message.subject, reason: reasonOf(error) }, 'a message from the bus was dropped');
    }
  };
  bus.subscribe(subjects.everythingForNode(nodeId), dispatch);
  bus.subscribe(subjects.discover, dispatch);
}

function acceptSession(message: BusMessage, ports: SessionPorts): void {
  const offer = readOpenSession(message.data);
  if (offer.instance !== ports.instance) throw new Problem('stale_epoch', 'The offer is for an earlier process.');
  if (offer.epoch < ports.epoch.current) throw new Problem('stale_epoch', 'The offer is older than the session.');
  if (offer.epoch > ports.epoch.current && ports.epoch.current > 0) {
    ports.jobs.abandonAll('The relay opened a new session.');
    ports.operators.abandonAll('The relay opened a new session. Ask again.');
  }
  ports.epoch.current = offer.epoch;
  ports.warm.salted(offer.salt);
}

/** The relay counts this node, unless it has opened yet another session meanwhile. */
function confirmSession(message: BusMessage, ports: SessionPorts): void {
  if (readSessionOpened(message.data).epoch === ports.epoch.current) ports.onOpen();
}

function startJob(type: JobType, { data, reply, trace }: BusMessage, bus: BusConnection, ports: SessionPorts): void {
  if (reply === undefined) return;
  const send = (answer: Uint8Array): void => bus.publish(reply, answer);
  // Only the relay hears answers there: whoever else asks is one of the operator's own programs (SPEC K9).
  const isRelay = reply.startsWith(subjects.relayReplies(ports.credentials().nodeId));
  if (isRelay) ports.jobs.handle(readJobRequest(data), send, trace);
  else ports.operators.handle(type, data, send);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
