import type { TestContext } from 'node:test';
import { joinScriptedNode, type ScriptedNode, type ScriptedNodeOptions } from './nodes/scripted-node.ts';
import type { Pool } from './pool.ts';
import { until } from './until.ts';

export type ScriptedNodes = [ScriptedNode, ScriptedNode, ScriptedNode, ScriptedNode];

/**
 * Nodes that answer within so much are equal to the relay, whatever they serve: with its price of a retry, a tenth of it, they
 * differ by less than its 50 ms, and it asks those that are equal in the order they joined.
 */
const EQUAL_WITHIN_MS = 40;
/** A machine that is busy with other tests is not so for each of them. */
const TRIES_MOST = 50;

let models = 0;

/** Nodes of a pool that alone serve a model of their own; the relay asks them in this order. At most four. */
export async function joinNodes(
  t: TestContext,
  pool: Pool,
  count: number,
  options: ScriptedNodeOptions = {},
): Promise<{ model: string; nodes: ScriptedNodes }> {
  const model = `scripted/model-${++models}`;
  const join = () => joinScriptedNode(t, pool.relay, { models: [model], ...options });
  const nodes: ScriptedNode[] = [];
  // One alone is asked however slow it is.
  while (nodes.length < count) nodes.push(await (count === 1 ? join() : joinQuickly(pool, join)));
  return { model, nodes: nodes as ScriptedNodes };
}

/** Lets a node go whose first answer took long, since the relay would ask others before it, and tries with another. */
async function joinQuickly(pool: Pool, join: () => Promise<ScriptedNode>): Promise<ScriptedNode> {
  for (let tries = 0; tries < TRIES_MOST; tries++) {
    const node = await join();
    if ((await roundTripMsOf(node, pool)) <= EQUAL_WITHIN_MS) return node;
    await node.close();
    await until(() => !pool.relay.nodes().includes(node.nodeId));
  }
  throw new Error(`no node answered within ${EQUAL_WITHIN_MS} ms in ${TRIES_MOST} tries`);
}

async function roundTripMsOf({ nodeId }: ScriptedNode, { relay }: Pool): Promise<number> {
  const headers = { authorization: `Bearer ${relay.adminToken}` };
  const response = await fetch(`${relay.url}/v1/nodes/${nodeId}`, { headers });
  const { round_trip_ms } = (await response.json()) as { round_trip_ms: number | null };
  return round_trip_ms ?? Number.POSITIVE_INFINITY;
}
