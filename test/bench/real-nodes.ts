import { type Started, startTellingNode } from '../support/nodes/telling-node-process.ts';
import { cpuTimeMs } from './cpu-time.ts';
import { type Figure, figureOf } from './figure.ts';
import { loadOf } from './load.ts';
import type { RelayPool } from './relay-pool.ts';

const NODES = 1_000;
const SECONDS = 4;
const CONNECTIONS = 16;

/** Real agents over real WebSockets, each with its key and its enrolment, and how many of them get work. */
export async function realNodes(pool: RelayPool): Promise<Figure[]> {
  const worked = new Set<string>();
  const startedAt = performance.now();
  const cpuBefore = cpuTimeMs(pool.relayPid);
  const onStart = ({ nodeId }: Started): void => void worked.add(nodeId);
  const nodes = await startTellingNode({ relayUrl: pool.relayUrl, count: NODES, onStart });
  try {
    const joinMs = performance.now() - startedAt;
    const relayCpuPerJoinMs = (cpuTimeMs(pool.relayPid) - cpuBefore) / NODES;
    const body = { model: 'test/noop', messages: [{ role: 'user', content: 'x' }], routing: { ignore: ['synthetic'] } };
    const { requestsPerSecond } = await loadOf(pool.chat, body, CONNECTIONS, SECONDS);
    const connected = await connectedNodes(pool);
    const detail = { joinMs, relayCpuPerJoinMs, worked: worked.size, requestsPerSecond };
    return [figureOf('real-nodes-at-once', connected, 'nodes', { atLeast: NODES }, detail)];
  } finally {
    await nodes.kill();
  }
}

async function connectedNodes({ relayUrl, adminToken }: RelayPool): Promise<number> {
  const headers = { authorization: `Bearer ${adminToken}` };
  let count = 0;
  for (let after: string | null = ''; after !== null; ) {
    const query: string = after === '' ? '' : `&after=${after}`;
    const response = await fetch(`${relayUrl}/v1/nodes?limit=100${query}`, { headers });
    const page = (await response.json()) as { data: { id: string; connected: boolean }[]; next: string | null };
    count += page.data.filter(({ id, connected }) => connected && id.startsWith('telling-')).length;
    after = page.next;
  }
  return count;
}
