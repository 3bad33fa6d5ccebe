import { randomUUID } from 'node:crypto';
import { createNodeCrypto } from '../../../main/headless/node-crypto.ts';
import { startAgent } from '../../../shared/agent/agent.ts';
import { connectToBus } from '../../../shared/agent/nats-connection.ts';
import { silentLog } from '../pool.ts';
import { createPacedRuntime } from '../runtimes/paced-runtime.ts';
import { createSyntheticRuntime } from '../runtimes/synthetic-runtime.ts';
import { newNodeIdentity } from './node-identity.ts';

// A node for the relay and with the slots of its arguments, and models of the paces behind them if there are any; it tells
// its id when it may be given jobs.
const [relayUrl = '', slots = '8', ...pacesMs] = process.argv.slice(2);
const identity = newNodeIdentity();
const agent = startAgent({
  relayUrl,
  name: 'synthetic',
  version: '0.0.0-test',
  slots: Number(slots),
  hardware: { platform: 'test', arch: 'test', cpu: 'test', cpu_threads: 1, memory_bytes: 1 },
  identity,
  crypto: createNodeCrypto(identity.seed),
  runtime: pacesMs.length === 0 ? createSyntheticRuntime() : createPacedRuntime(pacesMs.map(Number)),
  connect: connectToBus,
  fetch: globalThis.fetch,
  now: Date.now,
  randomId: randomUUID,
  log: silentLog,
});
process.once('disconnect', () => void agent.close());
process.send?.(await agent.ready);
