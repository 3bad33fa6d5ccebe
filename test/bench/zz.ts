import { startTellingNode } from '../support/telling-node-process.ts';
import { startRelayPool } from './relay-pool.ts';

const pool = await startRelayPool();
for (const count of [50, 200, 400]) {
  const s = performance.now();
  const n = await startTellingNode({ relayUrl: pool.relayUrl, count });
  console.log(count, performance.now() - s);
  await n.kill();
}
await pool.stop();
