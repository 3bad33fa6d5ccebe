import type { Agent } from '../../../shared/agent/agent.ts';
import type { AgentLog } from '../../../shared/agent/log.ts';
import { createSteadyClock } from '../../../shared/clock/steady-clock.ts';
import { Problem, toProblem } from '../../../shared/problems/problem.ts';

export type FollowOptions = {
  relayUrl: string;
  start(relayUrl: string): Promise<Agent>;
  /** Where the relay is now, or undefined when it is not found. Never rejects. */
  look(lostUrl: string): Promise<string | undefined>;
  /** The node goes to another address from now on. */
  onMove(relayUrl: string): void;
  now: () => number;
  log: AgentLog;
};

/** A relay that restarts is back before this, and its nodes find it by themselves. */
export const LOOK_AFTER_MS = 60_000;
/** Looking costs the whole network a few messages, so that a relay that stays away is looked for ever less often. */
export const LOOK_LEAST_OFTEN_MS = 10 * 60_000;
const CHECK_INTERVAL_MS = 5_000;

/**
 * An agent that looks for its relay anew when it has lost it for long, and goes on at the new address.
 *
 * Invariants: (1) at most one agent runs; (2) an agent with a session is never moved; (3) a new address at which the node
 * is refused before it had a session there ends nothing: it goes back to where it came from.
 */
export async function followRelay(options: FollowOptions): Promise<Agent> {
  const { log } = options;
  const ready = Promise.withResolvers<string>();
  ready.promise.catch(() => undefined);
  const ended = Promise.withResolvers<Problem | undefined>();
  let at = options.relayUrl;
  let current: Agent | undefined;
  let stopped = false;
  let moving = Promise.resolve();

  const finish = (problem: Problem | undefined): void => {
    clearInterval(timer);
    ready.reject(problem ?? new Problem('cancelled', 'The agent was stopped before it met a relay.'));
    ended.resolve(problem);
  };
  const watch = (agent: Agent, cameFrom: string | undefined): void => {
    let met = false;
    agent.ready.then(
      (nodeId) => {
        met = true;
        ready.resolve(nodeId);
      },
      () => undefined, // `ended` carries the reason.
    );
    void agent.ended.then((problem) => {
      if (agent !== current) return;
      if (problem === undefined || met || cameFrom === undefined) return finish(problem);
      log.warn({ relay: at, code: problem.code }, 'the relay that was found is not the one that was lost');
      move(cameFrom, undefined);
    });
  };
  const move = (to: string, cameFrom: string | undefined): void => {
    moving = moving.then(async () => {
      const before = current;
      current = undefined;
      await before?.close();
      if (stopped) return;
      at = to;
      options.onMove(to);
      const agent = await options.start(to);
      current = agent;
      watch(agent, cameFrom);
    });
    moving = moving.catch((error: unknown) => finish(toProblem(error)));
  };

  const loss = createLossWatch(createSteadyClock(options.now));
  const check = async (): Promise<void> => {
    if (current === undefined || !loss.isTimeToLook(current.hasSession())) return;
    const agent = current;
    const found = await options.look(at);
    if (found === undefined || found === at || stopped || agent !== current || agent.hasSession()) return;
    log.info({ relay: found, before: at }, 'the relay was found at another address');
    move(found, at);
  };
  current = await options.start(at);
  const timer = setInterval(() => void check(), CHECK_INTERVAL_MS);
  watch(current, undefined);

  const present = async (): Promise<Agent> => {
    await moving;
    if (current === undefined) throw new Problem('draining', 'The node is stopping.');
    return current;
  };
  return {
    ready: ready.promise,
    ended: ended.promise,
    hasSession: () => current?.hasSession() ?? false,
    trouble: () => current?.trouble(),
    capabilities: async () => (await present()).capabilities(),
    records: async (ask) => (await present()).records(ask),
    close: async () => {
      stopped = true;
      clearInterval(timer);
      await moving;
      await current?.close();
      finish(undefined);
    },
  };
}

/** Says when it is time to look: `LOOK_AFTER_MS` after the loss, then after pauses that double. */
function createLossWatch(now: () => number): { isTimeToLook(hasSession: boolean): boolean } {
  let pauseMs = LOOK_AFTER_MS;
  let lookAt: number | undefined;
  return {
    isTimeToLook: (hasSession) => {
      if (hasSession) {
        pauseMs = LOOK_AFTER_MS;
        lookAt = undefined;
        return false;
      }
      lookAt ??= now() + pauseMs;
      if (now() < lookAt) return false;
      pauseMs = Math.min(pauseMs * 2, LOOK_LEAST_OFTEN_MS);
      lookAt = now() + pauseMs;
      return true;
    },
  };
}
