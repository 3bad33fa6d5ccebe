import { type HostCrypto, webHostCrypto } from '../identity/host-crypto.ts';
import { nodeIdOf } from '../identity/node-id.ts';
import type { PairingInvitation } from '../identity/pairing-link.ts';
import { type Signer, signerOfSeed } from '../identity/signer.ts';
import { createOwnerPolicy, type OwnerPolicy } from '../policy/owner-policy.ts';
import { Problem } from '../problems/problem.ts';
import type { CapabilityDocument, MachineTest } from '../protocol/capabilities.ts';
import type { RecordsQuestion } from '../protocol/node-records.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import { createAdmittance } from './admittance.ts';
import { createStatementSigner } from './batch-signing.ts';
import { doorUrlOf, listenerUrlOf } from './bus-addresses.ts';
import { buildCapabilityDocument, type Hardware, loadOf, type Software, type Tools } from './capability-document.ts';
import { keepRenewing } from './credential-renewal.ts';
import { createDocumentKeeper } from './document-keeper.ts';
import type { NodeCredentials } from './enroll.ts';
import { withFetchedFiles } from './fetch-inputs.ts';
import { type FetchedRecords, fetchRecords } from './fetch-records.ts';
import { handOver } from './hand-over.ts';
import { createJobRunner } from './job-runner.ts';
import type { JobWitness } from './job-witness.ts';
import type { AgentLog } from './log.ts';
import { watchLostLine } from './lost-line.ts';
import { measureRuntime } from './measured-runtime.ts';
import type { ConnectToBus, OpenSocket } from './nats-connection.ts';
import { createOperatorDesk } from './operator-desk.ts';
import { assertClocksAgree } from './relay-clock.ts';
import { pinsInMemory, type RelayPins } from './relay-conversation.ts';
import type { NodeTls } from './relay-tls.ts';
import type { RunSpans } from './run-span.ts';
import { type Admit, type RunSession, runUntilStopped } from './run-until-stopped.ts';
import { openSession, type Session } from './session.ts';
import { createSlots } from './slots.ts';
import { createTroubleLog, type Trouble } from './trouble-log.ts';
import { createWarmSessions } from './warm-sessions.ts';
import { whyUnreached } from './why-unreached.ts';

export type AgentOptions = {
  relayUrl: string;
  name: string;
  version: string;
  /** Jobs at a time; a function where the host changes its mind, which it tells by way of the policy. */
  slots: number | (() => number);
  joinToken?: string;
  /** What the relay's operator gave, for a node that the relay does not know yet. */
  invitation?: PairingInvitation | undefined;
  /** The relays this node knows; forgotten with the process when absent. */
  pins?: RelayPins;
  /** Absent where the host has no say in TLS, as in a browser. */
  tls?: NodeTls;
  /** A function where the owner can switch parts of it off, which the host tells by way of the policy. */
  hardware: Hardware | (() => Hardware);
  software?: Software;
  /** What the host's last machine test found. */
  machineTest?: (() => MachineTest | undefined) | undefined;
  tools?: Tools;
  /** What the owner lets the node run; everything when absent. */
  policy?: OwnerPolicy;
  /** The node's own key as NATS user key: with its seed, or as a key of the host that can be used and not seen. */
  identity: { publicKey: string; seed: Uint8Array } | Signer;
  /** The host's own cryptography with that key; WebCrypto when absent. */
  crypto?: HostCrypto | undefined;
  runtime: Runtime;
  /** Told of the jobs that run, for the host's own window and ledger. */
  witness?: JobWitness | undefined;
  connect: ConnectToBus;
  fetch: typeof globalThis.fetch;
  /** Where the times of runs are told; nowhere when absent. */
  spans?: RunSpans | undefined;
  now: () => number;
  randomId: () => string;
  /** At least 0 and less than 1. */
  random?: () => number;
  log: AgentLog;
};

export type Agent = {
  /** Resolves with the node's id once a relay has opened a session; rejects if a relay refuses the node. */
  readonly ready: Promise<string>;
  /** Settles when the agent has ended: undefined after `close`, else the problem that ended it. */
  readonly ended: Promise<Problem | undefined>;
  /** Whether a relay has a session open with the node now. */
  hasSession(): boolean;
  /** Why none has, where a try has failed. */
  trouble(): Trouble | undefined;
  /** What the node says of itself now, signed. */
  capabilities(): Promise<CapabilityDocument>;
  /** Receipts of the node's own jobs as the relay has countersigned them, and its credits. Errors: of `fetchRecords`. */
  records(ask: RecordsQuestion): Promise<FetchedRecords>;
  close(): Promise<void>;
};

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
  const policy = options.policy ?? createOwnerPolicy({ now: options.now });
  let isLeaving = false;
  const slots = createSlots(options.slots, () => !isLeaving && policy.isOpen());
  const runtime = measureRuntime(options.runtime, options.now);
  const { identity } = options;
  const signer = 'seed' in identity ? signerOfSeed(identity.seed) : Promise.resolve(identity);
  signer.catch(() => undefined); // Told by whoever asks for a document.
  const hostCrypto = options.crypto ?? webHostCrypto(signer);
  const signStatement = createStatementSigner(hostCrypto);
  const receiptKey = { publicKey: identity.publicKey, crypto: hostCrypto, signStatement };
  const warm = createWarmSessions(hostCrypto);
  let authority: string | undefined;
  const jobs = createJobRunner({
    ...options,
    runtime,
    slots,
    policy,
    receiptKey,
    warm,
    epoch: () => epoch.current,
    withFiles: (input, files, signal) => {
      const { authority: vouched } = files;
      const fetch = vouched === undefined ? options.fetch : (options.tls?.fetchTrusting(vouched) ?? options.fetch);
      return withFetchedFiles(input, files, signal, { fetch, crypto: hostCrypto });
    },
    relay: () => ({ relayUrl: options.relayUrl, ...(authority === undefined ? {} : { authority }) }),
  });
  const opened = Promise.withResolvers<string>();
  opened.promise.catch(() => undefined);
  let nodeId = nodeIdOf(options.name, options.identity.publicKey);
  let session: Session | undefined;

  const documents = createDocumentKeeper({
    build: (revision, issuedAt) => {
      const now = { models: runtime.models(), installed: runtime.installed?.() };
      return buildCapabilityDocument({
        ...options,
        ...now,
        hardware: typeof options.hardware === 'function' ? options.hardware() : options.hardware,
        machineTest: options.machineTest?.(),
        nodeId,
        revision,
        instance,
        slots,
        issuedAt,
        policy: policy.shown(),
        readsFiles: true,
      });
    },
    load: () => loadOf(slots, runtime.models()),
    sign: async (bytes) => (await signer).sign(bytes),
    now: options.now,
  });
  const operators = createOperatorDesk({
    ...options,
    nodeId: () => nodeId,
    jobs,
    epoch: () => epoch.current,
    models: () => runtime.models(),
  });
  const tellChange = (): void => {
    documents.touch();
    session?.announce();
  };
  runtime.onChange(() => {
    const loaded = new Set(runtime.models().flatMap(({ name, state }) => (state === 'warm' ? [name] : [])));
    warm.keepOnly((model) => loaded.has(model));
    tellChange();
  });
  runtime.onSpeed(tellChange);
  policy.onChange(() => {
    if (!policy.isOpen() && !policy.finishesRunning()) jobs.stopAll(handedBack());
    tellChange();
  });

  const admit = admitter(options, signer);
  const troubles = createTroubleLog(options);
  /** What a relay that is asked anew has against the node: more than that its line is lost. */
  const refusals = createTroubleLog(options);
  const reconnect = (): void => {
    session?.reconnect().catch(() => undefined); // The transport goes on by itself.
  };

  const runSession: RunSession = async (first, onOpen) => {
    const credentials = keepRenewing(first, { ...options, admit, slots, onRenewed: reconnect }, stop.signal);
    nodeId = first.nodeId;
    authority = first.doorAuthority;
    const doorUrl = doorUrlOf(options.relayUrl, first.busPath);
    try {
      session = await openSession({
        ...options,
        credentials: credentials.current,
        busUrl: doorUrl,
        directUrl: listenerUrlOf(options.relayUrl, first.busUrl),
        key: await signer,
        openSocket: socketOpener(options, credentials.current, doorUrl),
        instance,
        slots,
        policy,
        jobs,
        warm,
        epoch,
        documents,
        operators,
        signal: stop.signal,
        onOpen: () => {
          opened.resolve(first.nodeId);
          refusals.reset();
          onOpen();
        },
        line: watchLostLine({
          admit,
          onAdmitted: () => void session?.close().catch(() => undefined),
          random: options.random ?? Math.random,
          troubles: refusals,
        }),
        onLeap: credentials.hurry,
        onFailed: (error, sinceMs) => {
          const message = whyUnreached(options.relayUrl, error);
          troubles.failed({ code: 'relay_unreachable', message }, sinceMs);
        },
      });
      if (stop.signal.aborted) await session.close();
      await session.ended;
    } finally {
      session = undefined;
      credentials.stop();
    }
  };

  const ended = runUntilStopped({ random: options.random, troubles }, admit, stop.signal, runSession).then(
    async (problem) => {
      opened.reject(problem ?? new Problem('cancelled', 'The agent was stopped before it met a relay.'));
      await options.runtime.close();
      return problem;
    },
  );

  let closing: Promise<void> | undefined;
  const leave = async (): Promise<void> => {
    isLeaving = true;
    tellChange();
    await handOver(jobs, session);
    stop.abort(new Problem('cancelled', 'The agent is stopping.'));
    jobs.abandonAll('The agent is stopping.');
    await session?.close();
    await ended;
  };

  return {
    ready: opened.promise,
    ended,
    hasSession: () => epoch.current > 0,
    trouble: () => (epoch.current > 0 ? undefined : (refusals.current() ?? troubles.current())),
    capabilities: () => documents.current(),
    records: async (ask) => {
      const pins = options.pins ?? pinsInMemory();
      return fetchRecords({ ...options, pins, signer: await signer, signal: stop.signal }, ask);
    },
    close: () => {
      closing ??= leave();
      return closing;
    },
  };
}

function handedBack(): Problem {
  return new Problem('handed_back', 'The owner of this node has taken it back, and waits for no job to end.');
}

function admitter(options: AgentOptions, signer: Promise<Signer>): Admit {
  const admit = createAdmittance();
  const pins = options.pins ?? pinsInMemory();
  return async (signal) => {
    const credentials = await admit({ ...options, pins, signer: await signer, signal });
    assertClocksAgree(credentials, options.now());
    return credentials;
  };
}

/**
 * The relay's authority vouches for the bus's own listener; the door is verified as the relay's other routes are. A line without
 * TLS is the host's, too: the platform's WebSocket waits for the goodbye of a peer that is gone, and with it the process.
 */
function socketOpener({ tls }: AgentOptions, credentials: () => NodeCredentials, doorUrl: string): OpenSocket {
  return (url) => {
    if (tls === undefined) return undefined;
    if (!url.startsWith('wss:')) return tls.openSocket(url, {});
    const { authority, doorAuthority, certificate } = credentials();
    const isDoor = new URL(url).host === new URL(doorUrl).host;
    return tls.openSocket(url, { certificate, authority: isDoor ? doorAuthority : authority });
  };
}
