import type { Agent } from '../../shared/agent/agent.ts';
import type { FetchedRecords } from '../../shared/agent/fetch-records.ts';
import type { AgentLog } from '../../shared/agent/log.ts';
import { parseRememberedRelay } from '../../shared/config/remembered-relay.ts';
import { nameOfHost } from '../../shared/identity/host-name.ts';
import type { PairingInvitation } from '../../shared/identity/pairing-link.ts';
import type { RelayLink } from '../../shared/ipc/app-state.ts';
import { Problem, toProblem } from '../../shared/problems/problem.ts';
import type { CapabilityDocument } from '../../shared/protocol/capabilities.ts';
import type { RecordsQuestion } from '../../shared/protocol/node-records.ts';
import { connecting } from '../headless/control/watch-link.ts';
import type { SecretBox } from '../headless/secret-box.ts';
import { isLocked } from '../settings/sealed-box.ts';

export type StartAgent = (options: {
  relayUrl: string;
  name: string;
  invitation?: PairingInvitation | undefined;
}) => Promise<Agent>;

export type NodeHostOptions = {
  startAgent: StartAgent;
  /** Where the relay that let the node in is remembered; the agent's pins write it. */
  memory: SecretBox;
  /** That of the machine. */
  name: string;
  onChange(): void;
  log: AgentLog;
  pairWithinMs?: number;
};

export type NodeHost = {
  link(): RelayLink;
  /** What the node says of itself now, as its relay is told; null while it has none. */
  capabilities(): Promise<CapabilityDocument | null>;
  /** What its relay has written down of the node's own work. Errors: of `fetchRecords`; `relay_unreachable` without one. */
  records(ask: RecordsQuestion): Promise<FetchedRecords>;
  /** Works for the relay that is remembered, if there is one; again, once the key store is open. Errors: `keychain_unavailable`. */
  start(): Promise<void>;
  /** Pairs, and works for that relay from then on. Errors: what the relay refuses with, `relay_unreachable`. */
  pair(invitation: PairingInvitation & { relayUrl: string }): Promise<void>;
  unpair(): Promise<void>;
  close(): Promise<void>;
};

const PAIR_WITHIN_MS = 30_000;

/**
 * The one agent of the app. Invariants: (1) at most one runs; (2) start, pair, unpair and close happen one after the
 * other; (3) who was let in stays paired when another pairing fails.
 */
export function createNodeHost(options: NodeHostOptions): NodeHost {
  const { startAgent, memory, onChange, log, pairWithinMs = PAIR_WITHIN_MS } = options;
  let running: { agent: Agent; relay: string } | undefined;
  let link: RelayLink = { state: 'unpaired' };
  let turn: Promise<unknown> = Promise.resolve();

  const inTurn = <Value>(step: () => Promise<Value>): Promise<Value> => {
    const next = turn.then(step);
    turn = next.catch(() => undefined);
    return next;
  };
  const tell = (next: RelayLink): void => {
    link = next;
    onChange();
  };
  const stop = async (): Promise<void> => {
    const stopped = running;
    running = undefined;
    await stopped?.agent.close();
  };
  const run = async (relay: string, name: string, invitation?: PairingInvitation): Promise<Agent> => {
    await stop();
    tell({ state: 'connecting', relay });
    const agent = await startAgent({ relayUrl: relay, name: nameOfHost(name), invitation }).catch((error: unknown) => {
      // Nothing tries again: whoever is told that it waits for its relay would wait for ever.
      const { code, message: detail } = toProblem(error);
      tell(isLocked(error) ? { state: 'key_store_locked' } : { state: 'refused', relay, code, detail });
      throw error;
    });
    running = { agent, relay };
    const isCurrent = (): boolean => running?.agent === agent;
    agent.ready.then(
      (nodeId) => void (isCurrent() && tell({ state: 'connected', relay, nodeId })),
      () => undefined,
    );
    void agent.ended.then((problem) => {
      if (problem === undefined || !isCurrent()) return;
      log.warn({ code: problem.code }, 'the relay has refused this node');
      tell({ state: 'refused', relay, code: problem.code, detail: problem.message });
    });
    return agent;
  };
  const resume = async (): Promise<void> => {
    const text = await memory.read().catch((error: unknown) => {
      if (isLocked(error)) tell({ state: 'key_store_locked' });
      throw error;
    });
    const remembered = parseRememberedRelay(text ?? '');
    if (remembered === undefined) return tell({ state: 'unpaired' });
    await run(remembered.relay, remembered.name);
  };

  return {
    link: () => {
      if (link.state !== 'connecting' && link.state !== 'connected') return link;
      if (running === undefined || running.agent.hasSession()) return link;
      return connecting(link.relay, running.agent.trouble());
    },
    capabilities: async () => (await running?.agent.capabilities()) ?? null,
    records: async (ask) => {
      if (running !== undefined) return running.agent.records(ask);
      throw new Problem('relay_unreachable', 'This node has no relay to ask.');
    },
    start: () => inTurn(resume),
    pair: (invitation) =>
      inTurn(async () => {
        try {
          const agent = await run(invitation.relayUrl, options.name, invitation);
          await letIn(agent, pairWithinMs);
        } catch (error) {
          await stop();
          await resume();
          throw error;
        }
      }),
    unpair: () =>
      inTurn(async () => {
        await stop();
        await memory.write('{}');
        tell({ state: 'unpaired' });
      }),
    close: () => inTurn(stop),
  };
}

/** Resolves when the relay has opened a session. */
async function letIn(agent: Agent, withinMs: number): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new Problem('relay_unreachable', 'The relay did not answer. Check that it runs and can be reached.'));
  }, withinMs);
  const refused = agent.ended.then((problem) => {
    throw problem ?? new Problem('cancelled', 'The pairing was stopped.');
  });
  refused.catch(() => undefined);
  try {
    await Promise.race([agent.ready, refused, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
