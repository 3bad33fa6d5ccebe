import { Problem } from '../problems/problem.ts';
import type { CapabilityDocument } from '../protocol/capabilities.ts';
import { encodeJson, messageReader } from '../protocol/codec.ts';
import type { EnrollResponse } from '../protocol/enrollment.ts';
import { LIMITS } from '../protocol/limits.ts';
import { CancelRequest, type Heartbeat, JobRequest, OpenSession, SessionOpened } from '../protocol/messages.ts';
import { JOB_TYPES, subjects } from '../protocol/subjects.ts';
import type { JobRunner } from './job-runner.ts';
import type { AgentLog } from './log.ts';
import type { BusConnection, BusMessage, ConnectToBus } from './nats-connection.ts';
import type { Slots } from './slots.ts';

export type SessionPorts = {
  credentials: () => EnrollResponse;
  busUrl: string;
  seed: Uint8Array;
  instance: string;
  connect: ConnectToBus;
  slots: Slots;
  document: () => CapabilityDocument;
  jobs: JobRunner;
  /** The epoch the relay gave; the job runner reads it too. */
  epoch: { current: number };
  log: AgentLog;
  /** Ends an attempt to connect. */
  signal: AbortSignal;
  onOpen(): void;
};

export type Session = {
  /** Tells the relay now rather than at the next beat, because slots or models have changed. */
  announce(): void;
  readonly ended: Promise<Error | undefined>;
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
  };
  let bus: BusConnection;
  const announce = (): void => {
    const beat: Heartbeat = {
      instance: ports.instance,
      epoch: ports.epoch.current,
      revision: ports.document().revision,
      slots: { total: ports.slots.total, used: ports.slots.used() },
    };
    bus.publish(subjects.heartbeat(nodeId), encodeJson(beat));
  };
  bus = await ports.connect({
    url: ports.busUrl,
    nodeId,
    inboxPrefix: subjects.inboxPrefix(nodeId),
    jwt: () => ports.credentials().jwt,
    seed: ports.seed,
    signal: ports.signal,
    onDown: () => {
      ports.log.warn({ node: nodeId }, 'the connection to the relay is down');
      endEpoch('The connection to the relay was lost.');
    },
    onUp: announce,
  });
  listen(bus, nodeId, ports, announce);
  announce();
  const beat = setInterval(announce, LIMITS.heartbeatIntervalMs);
  const ended = bus.closed.finally(() => {
    clearInterval(beat);
    endEpoch('The connection to the relay has ended.');
  });
  return { announce, ended, close: () => bus.close() };
}

function listen(bus: BusConnection, nodeId: string, ports: SessionPorts, announce: () => void): void {
  const replyTo = (message: BusMessage, value: unknown): void => {
    if (message.reply !== undefined) bus.publish(message.reply, encodeJson(value));
  };
  const handlers = new Map<string, (message: BusMessage) => void>([
    [subjects.openSession(nodeId), (message) => replyTo(message, acceptSession(message, ports))],
    [subjects.sessionOpened(nodeId), (message) => confirmSession(message, ports)],
    [subjects.capabilities(nodeId), (message) => replyTo(message, ports.document())],
    [
      subjects.discover,
      (message) => {
        replyTo(message, ports.document());
        if (ports.epoch.current === 0) announce();
      },
    ],
    [subjects.cancelJob(nodeId), (message) => ports.jobs.cancel(readCancel(message.data))],
  ]);
  for (const type of JOB_TYPES) {
    handlers.set(subjects.jobRequest(nodeId, type), (message) => startJob(message, bus, ports));
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

function acceptSession(message: BusMessage, ports: SessionPorts): CapabilityDocument {
  const offer = readOpenSession(message.data);
  if (offer.instance !== ports.instance) throw new Problem('stale_epoch', 'The offer is for an earlier process.');
  if (offer.epoch < ports.epoch.current) throw new Problem('stale_epoch', 'The offer is older than the session.');
  if (offer.epoch > ports.epoch.current && ports.epoch.current > 0) {
    ports.jobs.abandonAll('The relay opened a new session.');
  }
  ports.epoch.current = offer.epoch;
  return ports.document();
}

/** The relay counts this node, unless it has opened yet another session meanwhile. */
function confirmSession(message: BusMessage, ports: SessionPorts): void {
  if (readSessionOpened(message.data).epoch === ports.epoch.current) ports.onOpen();
}

function startJob(message: BusMessage, bus: BusConnection, ports: SessionPorts): void {
  const { reply } = message;
  if (reply === undefined) return;
  ports.jobs.handle(readJobRequest(message.data), (data) => bus.publish(reply, data));
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
