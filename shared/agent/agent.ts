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

  const runSession = async (first: EnrollResponse): Promise<void> => {
    let credentials = first;
    const renewal = renewCredentials(first, options, stop.signal, (renewed) => {
      credentials = renewed;
    });
    try {
      session = await openSession({
        ...options,
        credentials: () => credentials,
        busUrl: busUrl(options.relayUrl, first.busPath),
        seed: options.identity.seed,
        instance,
        slots,
        jobs,
        epoch,
        document: () => documentOf(first.nodeId),
        onOpen: () => opened.resolve(first.nodeId),
      });
      if (stop.signal.aborted) await session.close();
      await session.ended;
    } finally {
      session = undefined;
      clearInterval(renewal);
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

async function runUntilStopped(
  options: AgentOptions,
  signal: AbortSignal,
  runSession: (credentials: EnrollResponse) => Promise<void>,
): Promise<Problem | undefined> {
  let waitMs = RETRY_FIRST_MS;
  while (!signal.aborted) {
    try {
      const credentials = await enroll(enrollOptions(options, signal));
      waitMs = RETRY_FIRST_MS;
      await runSession(credentials);
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

function renewCredentials(
  first: EnrollResponse,
  options: AgentOptions,
  signal: AbortSignal,
  use: (renewed: EnrollResponse) => void,
): ReturnType<typeof setInterval> {
  const lifeMs = first.expiresAt * 1_000 - options.now();
  return setInterval(
    () => {
      enroll(enrollOptions(options, signal)).then(use, (error: unknown) =>
        options.log.warn({ reason: toProblem(error).message }, 'the credentials could not be renewed yet'),
      );
    },
    Math.min(Math.max(lifeMs * RENEW_AFTER_FRACTION, 1_000), 2 ** 31 - 1),
  );
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
