import type { TestContext } from 'node:test';
import { createNodeCrypto } from '../../../main/headless/node-crypto.ts';
import { type Agent, type AgentOptions, startAgent } from '../../../shared/agent/agent.ts';
import { HANDOVER_MS } from '../../../shared/agent/hand-over.ts';
import type { JobRequest } from '../../../shared/protocol/messages.ts';
import { afterTest } from '../after-test.ts';
import { collectLog } from '../log.ts';
import { chatInput } from '../models/pretended-model.ts';
import { type MockedTime, mockTime, settled } from '../pending-timers.ts';
import { type ControlledRun, type ControlledRuntime, createControlledRuntime } from '../runtimes/controlled-runtime.ts';
import {
  type Answers,
  createScriptedRelay,
  type Line,
  SCRIPTED_NODE_ID,
  type ScriptedRelay,
} from '../scripted-relay.ts';
import { newNodeIdentity } from './node-identity.ts';

/** A real agent between a relay and a runtime that both do what the test says, in a time that stands still. */
export type ScriptedAgent = {
  readonly agent: Agent;
  readonly relay: ScriptedRelay;
  readonly runtime: ControlledRuntime;
  readonly time: MockedTime;
  readonly clock: { now: number };
  readonly log: ReturnType<typeof collectLog>;
  /** Lets time pass for timers and clock. */
  pass(ms: number): Promise<void>;
  /** Accepts enrolment and connection. */
  connect(): Promise<Line>;
};

export const INSTANCE = 'instance-1';

export const IDENTITY = newNodeIdentity();

/** What agents of tests have in common. */
export const ATTIC = {
  relayUrl: 'http://relay.test',
  name: 'attic',
  version: '0.0.0-test',
  hardware: { platform: 'test', arch: 'test', cpu: 'test', cpu_threads: 1, memory_bytes: 1 },
  identity: IDENTITY,
  // That of a headless node, which answers at once: what a test sends has arrived when it goes on.
  crypto: createNodeCrypto(IDENTITY.seed),
  randomId: () => INSTANCE,
  // The whole of each wait.
  random: () => 0,
};

export function startScriptedAgent(t: TestContext, options: Partial<AgentOptions> = {}): ScriptedAgent {
  const time = mockTime(t);
  const relay = createScriptedRelay();
  const runtime = createControlledRuntime();
  const log = collectLog();
  const clock = { now: 0 };
  const agent = startAgent({
    ...ATTIC,
    slots: 2,
    runtime,
    connect: relay.connect,
    fetch: relay.fetch,
    now: () => clock.now,
    log,
    ...options,
  });
  afterTest(t, () => {
    const closed = agent.close();
    // Jobs that the test has left to run are waited for no longer than a moment.
    time.tick(HANDOVER_MS);
    return closed;
  });
  return {
    agent,
    relay,
    runtime,
    time,
    clock,
    log,
    pass: async (ms) => {
      clock.now += ms;
      time.tick(ms);
      await settled();
    },
    connect: async () => {
      (await relay.enrolments.next()).accept();
      const line = await relay.lines.next();
      line.accept();
      await settled();
      return line;
    },
  };
}

export type OpenAgent = ScriptedAgent & {
  readonly line: Line;
  readonly epoch: number;
  /** Sends a job; returns its frames as they come. */
  ask(changes?: Partial<JobRequest>): Answers;
  /** Sends a job and waits until the runtime has it. */
  start(changes?: Partial<JobRequest>): Promise<Answers & { run: ControlledRun }>;
};

/** A scripted agent with its session open. */
export async function openScriptedAgent(
  t: TestContext,
  options: Partial<AgentOptions> = {},
  epoch = 5,
): Promise<OpenAgent> {
  const scripted = startScriptedAgent(t, options);
  const line = await scripted.connect();
  await offer(line, { epoch }).next();
  confirm(line, { epoch });
  let jobs = 0;
  const ask: OpenAgent['ask'] = (changes = {}) => {
    jobs += 1;
    const base = { job: `job-${jobs}`, attempt: 1, epoch, model: 'm', timeoutMs: 600_000 };
    const request = { ...base, type: 'llm', stream: true, input: chatInput('x'), ...changes };
    return line.say(`node.${SCRIPTED_NODE_ID}.${request.type}.request`, request);
  };
  return {
    ...scripted,
    line,
    epoch,
    ask,
    start: async (changes) => {
      const answers = ask(changes);
      return { ...answers, run: await scripted.runtime.runs.next() };
    },
  };
}

/** The relay counts the node from now on. */
export function confirm(line: Line, opened: { epoch: number }): void {
  line.say(`node.${SCRIPTED_NODE_ID}.session.opened`, opened);
}

export function offer(line: Line, changes: { epoch: number; instance?: string }): Answers {
  return line.say(`node.${SCRIPTED_NODE_ID}.session.open`, { leaseMs: 15_000, instance: INSTANCE, ...changes });
}

export function cancel(line: Line, changes: { job: string; attempt?: number; epoch: number }): void {
  line.say(`node.${SCRIPTED_NODE_ID}.job.cancel`, { attempt: 1, ...changes });
}
