import { randomUUID } from 'node:crypto';
import { type Agent, startAgent } from '../../../shared/agent/agent.ts';
import { connectToBus } from '../../../shared/agent/nats-connection.ts';
import type { Runtime } from '../../../shared/runtimes/runtime.ts';
import { silentLog } from '../pool.ts';
import { createSyntheticRuntime } from '../runtimes/synthetic-runtime.ts';
import { newNodeIdentity } from './node-identity.ts';
import type { NodeNews } from './telling-node-process.ts';

/** When `test/ten-ms` has said so many, the relay has heard long since that the job was accepted. */
const ACCEPTED_TOKENS = 5;

// Nodes for the relay of the first argument, as many as the third says, each with the slots of the second. Tells its
// parent when one of them may be given jobs, and when a job begins.
const [relayUrl = '', slots = '1', count = '1'] = process.argv.slice(2);
const tell = (news: NodeNews): void => void process.send?.(news);

/** One thread signs for all of them, and the server gives each 2 s to do it. */
const JOINING_AT_ONCE = 8;

function start(): Agent {
  const inner = createSyntheticRuntime();
  const runtime: Runtime = {
    ...inner,
    run: (job, output, signal) => {
      tell({ is: 'started', nodeId, at: performance.timeOrigin + performance.now() });
      let tokens = 0;
      const text = (piece: string, count: number): void => {
        tokens += count;
        if (tokens === ACCEPTED_TOKENS) tell({ is: 'working', nodeId });
        output.text(piece, count);
      };
      return inner.run(job, { ...output, text }, signal);
    },
  };
  let nodeId = '';
  const agent = startAgent({
    relayUrl,
    name: 'telling',
    version: '0.0.0-test',
    slots: Number(slots),
    hardware: { platform: 'test', arch: 'test', cpu: 'test', cpu_threads: 1, memory_bytes: 1 },
    identity: newNodeIdentity(),
    runtime,
    connect: connectToBus,
    fetch: globalThis.fetch,
    now: Date.now,
    randomId: randomUUID,
    log: silentLog,
  });
  agent.ready.then(
    (id) => {
      nodeId = id;
      tell({ is: 'ready', nodeId });
    },
    (error: unknown) => tell({ is: 'refused', reason: String(error) }),
  );
  return agent;
}

const agents: Agent[] = [];
process.once('disconnect', async () => {
  await Promise.all(agents.map((agent) => agent.close()));
  process.exit(0);
});
while (agents.length < Number(count)) {
  const joining = Array.from({ length: Math.min(JOINING_AT_ONCE, Number(count) - agents.length) }, start);
  agents.push(...joining);
  await Promise.allSettled(joining.map(({ ready }) => ready));
}
