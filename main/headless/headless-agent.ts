import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Agent, startAgent } from '../../shared/agent/agent.ts';
import type { AgentLog } from '../../shared/agent/log.ts';
import { connectToBus } from '../../shared/agent/nats-connection.ts';
import { describeHardware } from './hardware.ts';
import { readOrCreateNodeKey } from './node-key.ts';
import { openRuntime } from './open-runtime.ts';

export type HeadlessAgentOptions = {
  relayUrl: string;
  dataFolder: string;
  /** Models to serve; none means those that ship with Sparewatt. */
  models: string[];
  slots: number;
  version: string;
  name?: string;
  joinToken?: string;
  hubUrl?: string;
  hubToken?: string;
  log: AgentLog;
  /** A line about a download for a person to read. */
  onProgress(line: string): void;
};

/** The node without a screen: its key and models from disk, inference in worker threads, the bus through nats.ws. */
export async function startHeadlessAgent(options: HeadlessAgentOptions): Promise<Agent> {
  const identity = await readOrCreateNodeKey(options.dataFolder);
  const runtime = await openRuntime(options);
  return startAgent({
    relayUrl: options.relayUrl,
    name: options.name ?? hostname(),
    version: options.version,
    slots: options.slots,
    hardware: describeHardware(),
    identity,
    runtime,
    connect: connectToBus,
    fetch: globalThis.fetch,
    now: Date.now,
    randomId: randomUUID,
    log: options.log,
    ...(options.joinToken === undefined ? {} : { joinToken: options.joinToken }),
  });
}
