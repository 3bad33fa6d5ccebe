import { Problem, toProblem } from '../problems/problem.ts';
import type { CapabilityDocument } from '../protocol/capabilities.ts';
import type { EnrollResponse } from '../protocol/enrollment.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import { buildCapabilityDocument, type Hardware } from './capability-document.ts';
import { enroll } from './enroll.ts';
import { createJobRunner } from './job-runner.ts';
import type { AgentLog } from './log.ts';
import type { ConnectToBus } from './nats-connection.ts';
import { openSession, type Session } from './session.ts';
import { createSlots } from './slots.ts';

export type AgentOptions = {
  relayUrl: string;
  name: string;
  version: string;
  slots: number;
  joinToken?: string;
  hardware: Hardware;
  /** The node's own key: public part as NATS user key, and the seed its transport signs with. */
  identity: { publicKey: string; seed: Uint8Array };
  runtime: Runtime;
  connect: ConnectToBus;
  fetch: typeof globalThis.fetch;
  now: () => number;
  randomId: () => string;
  log: AgentLog;
};

export type Agent = {
  /** Resolves with the node's id once a relay has opened a session; rejects if a relay refuses the node. */
  readonly ready: Promise<string>;
  /** Settles when the agent has ended: undefined after `close`, else the problem that ended it. */
  readonly ended: Promise<Problem | undefined>;
  close(): Promise<void>;
};

const RETRY_FIRST_MS = 250;
const RETRY_MOST_MS = 10_000;
/** Credentials are asked for again when this part of their life is over. */
const RENEW_AFTER_FRACTION = 2 / 3;
const RENEW_WAIT_LEAST_MS = 1_000;
/** The longest a timer can wait. */
const TIMER_MOST_MS = 2 ** 31 - 1;

/**
 * The node, without a host: enrols, keeps a session with its relay, and runs jobs.
 *
 * Invariants: (1) a relay that cannot be reached is tried for ever, one that refuses the node ends the agent; (2) at
 * most one session is open; (3) `close` ends running jobs, then the connection, then the runtime.
 */
export function startAgent(options: AgentOptions): Agent {
  const stop = new AbortController();
  const instance = options.randomId();
  const epoch = { current: 0 };
  const slots = createSlots(options.slots);
  const jobs = createJobRunner({ ...options, slots, epoch: () => epoch.current });
  const opened = Promise.withResolvers<string>();
  opened.promise.catch(() => undefined);
  let revision = 1;
  let session: Session | undefined;

  options.runtime.onChange(() => {
    revision += 1;
    session?.announce();
  });

  const documentOf = (nodeId: string): CapabilityDocument =>
    buildCapabilityDocument({ ...options, nodeId, revision, instance, slots, models: options.runtime.models() });

  const runSession: RunSession = async (first, onOpen) => {
    const credentials = keepRenewing(first, options, stop.signal);
    try {
      session = await openSession({
        ...options,
        credentials: credentials.current,
        busUrl: busUrl(options.relayUrl, first.busPath),
        seed: options.identity.seed,
        instance,
        slots,
        jobs,
        epoch,
        document: () => documentOf(first.nodeId),
        signal: stop.signal,
        onOpen: () => {
          opened.resolve(first.nodeId);
          onOpen();
        },
      });
      if (stop.signal.aborted) await session.close();
      await session.ended;
    } finally {
      session = undefined;
      credentials.stop();
    }
  };

  const ended = runUntilStopped(options, stop.signal, runSession).then(async (problem) => {
    opened.reject(problem ?? new Problem('cancelled', 'The agent was stopped before it met a relay.'));
    await options.runtime.close();
    return problem;
  });

  return {
    ready: opened.promise,
    ended,
    close: async () => {
      stop.abort(new Problem('cancelled', 'The agent is stopping.'));
      jobs.abandonAll('The agent is stopping.');
      await session?.close();
      await ended;
    },
  };
}

/** Keeps one connection to its end; calls back whenever the relay opens a session on it. */
type RunSession = (credentials: EnrollResponse, onOpen: () => void) => Promise<void>;

async function runUntilStopped(
  options: AgentOptions,
  signal: AbortSignal,
  runSession: RunSession,
): Promise<Problem | undefined> {
  let waitMs = RETRY_FIRST_MS;
  while (!signal.aborted) {
    try {
      const credentials = await enroll(enrollOptions(options, signal));
      // Only a session is a reason to hope: a relay may let a node enrol and have no bus for it.
      await runSession(credentials, () => {
        waitMs = RETRY_FIRST_MS;
      });
    } catch (error) {
      const problem = toProblem(error, 'relay_unreachable');
      if (signal.aborted) return undefined;
      if (problem.retry === 'never') return problem;
      options.log.warn({ relay: options.relayUrl, code: problem.code, retryMs: waitMs }, problem.message);
    }
    await pause(waitMs, signal);
    waitMs = Math.min(waitMs * 2, RETRY_MOST_MS);
  }
  return undefined;
}

function enrollOptions(options: AgentOptions, signal: AbortSignal): Parameters<typeof enroll>[0] {
  return {
    relayUrl: options.relayUrl,
    publicKey: options.identity.publicKey,
    name: options.name,
    fetch: options.fetch,
    signal,
    ...(options.joinToken === undefined ? {} : { joinToken: options.joinToken }),
  };
}

/** Renews credentials until it is stopped; while that fails it is tried more and more often until they expire. */
function keepRenewing(
  first: EnrollResponse,
  options: AgentOptions,
  signal: AbortSignal,
): { current(): EnrollResponse; stop(): void } {
  const stopped = new AbortController();
  let current = first;
  let timer: ReturnType<typeof setTimeout>;
  const stop = (): void => {
    stopped.abort();
    clearTimeout(timer);
  };
  const plan = (): void => {
    const leftMs = current.expiresAt * 1_000 - options.now();
    const waitMs = Math.min(Math.max(leftMs * RENEW_AFTER_FRACTION, RENEW_WAIT_LEAST_MS), TIMER_MOST_MS);
    timer = setTimeout(renew, waitMs);
  };
  const renew = async (): Promise<void> => {
    try {
      current = await enroll(enrollOptions(options, stopped.signal));
    } catch (error) {
      if (stopped.signal.aborted) return;
      options.log.warn({ reason: toProblem(error).message }, 'the credentials could not be renewed yet');
    }
    if (!stopped.signal.aborted) plan();
  };
  signal.addEventListener('abort', stop, { once: true, signal: stopped.signal });
  plan();
  return { current: () => current, stop };
}

function busUrl(relayUrl: string, path: string): string {
  const url = new URL(path, relayUrl);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
