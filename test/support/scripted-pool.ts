import type { TestContext } from 'node:test';
import type { Pool } from './pool.ts';
import { joinScriptedNode, type ScriptedNode, type ScriptedNodeOptions } from './scripted-node.ts';

export type ScriptedNodes = [ScriptedNode, ScriptedNode, ScriptedNode, ScriptedNode];

let models = 0;

/** Nodes of a pool that alone serve a model of their own; the relay asks them in this order. At most four. */
export async function joinNodes(
  t: TestContext,
  pool: Pool,
  count: number,
  options: ScriptedNodeOptions = {},
): Promise<{ model: string; nodes: ScriptedNodes }> {
  const model = `scripted/model-${++models}`;
  const nodes: ScriptedNode[] = [];
  for (let i = 0; i < count; i++) nodes.push(await joinScriptedNode(t, pool.relay, { models: [model], ...options }));
  return { model, nodes: nodes as ScriptedNodes };
}
