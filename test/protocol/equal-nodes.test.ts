/** What tests of several scripted nodes stand on: that the relay asks them in the order they joined, also on a busy machine. */
import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer } from 'node:net';
import { after, test } from 'node:test';
import { afterTest } from '../support/after-test.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { joinNodes } from '../support/scripted-pool.ts';

/** So much apart, the relay asks the quicker node first. */
const SLOW_MS = 400;

const pool = await startPool();
after(() => pool.close());

test('a scripted node that was slow to answer makes room for another, and those that stay are asked in their order', async (t) => {
  const slowUrl = await slowFront(t, pool.relay.url);
  let askedFor = 0;
  // The first node enrols and connects there.
  const relay = { ...pool.relay, nodes: pool.relay.nodes };
  Object.defineProperty(relay, 'url', { get: () => (askedFor++ < 2 ? slowUrl : pool.relay.url) });
  const seen: Pool = { ...pool, relay };
  const { model, nodes } = await joinNodes(t, seen, 2, { type: 'embed' });
  const asked: string[] = [];
  for (const node of nodes) {
    void node.jobs.next().then((job) => {
      asked.push(node.nodeId);
      job.fail('node_fault');
    });
  }
  await assert.rejects(pool.client().embeddings.create({ model, input: 'x' }));
  assert.deepEqual(
    asked,
    nodes.map(({ nodeId }) => nodeId),
  );
});

/** A line on which each word of the relay takes its time. */
async function slowFront(t: Parameters<typeof afterTest>[0], relayUrl: string): Promise<string> {
  const { hostname, port } = new URL(relayUrl);
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    near.pipe(far);
    far.on('data', (bytes) => setTimeout(() => near.write(bytes), SLOW_MS));
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.on('error', () => undefined);
      socket.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterTest(t, () => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
