import type { TestContext } from 'node:test';
import type { RelayOptions } from '../../../relay/relay-options.ts';
import { afterTest } from '../after-test.ts';
import { chatCall } from '../ask-pool.ts';
import { type Pool, startTestPool } from '../pool.ts';
import { startTellingNode, type TellingNode, type TellingNodeOptions } from './telling-node-process.ts';

/** A pool whose nodes are processes of their own, each of which may come to harm. */
export type LostNodesPool = Pool & {
  addProcess(options?: Omit<TellingNodeOptions, 'relayUrl'> & { relayUrl?: string }): Promise<TellingNode>;
  /** Two of them, and which one an asked job began on. */
  beginOnOneOfTwo<Answer>(ask: () => Promise<Answer>): Promise<Begun<Answer>>;
  /** Asks for an answer in one piece, of which nothing is passed on before its end. */
  ask(model: string, more?: Record<string, unknown>): Promise<Response>;
};

export type Begun<Answer> = { victim: TellingNode; other: TellingNode; answer: Promise<Answer> };

export async function startLostNodesPool(t: TestContext, options: Partial<RelayOptions> = {}): Promise<LostNodesPool> {
  const pool = await startTestPool(t, options);
  const addProcess: LostNodesPool['addProcess'] = async ({ relayUrl = pool.relay.url, ...more } = {}) => {
    const node = await startTellingNode({ relayUrl, ...more });
    afterTest(t, node.kill);
    return node;
  };
  return {
    ...pool,
    addProcess,
    beginOnOneOfTwo: async (ask) => {
      const nodes = await Promise.all([addProcess(), addProcess()]);
      const answer = ask();
      const { nodeId } = await Promise.race(nodes.map(({ starts }) => starts.next()));
      const [victim, other] = nodes[0].nodeId === nodeId ? nodes : [nodes[1], nodes[0]];
      return { victim, other, answer };
    },
    ask: (model, more = {}) => {
      const call = chatCall(model, false);
      return pool.request('/v1/chat/completions', {
        ...call,
        body: JSON.stringify({ ...(JSON.parse(String(call.body)) as object), ...more }),
      });
    },
  };
}
