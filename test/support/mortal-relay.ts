import type { TestContext } from 'node:test';
import { afterTest } from './after-test.ts';
import { sparewatt } from './command.ts';
import { freePort } from './network/free-port.ts';
import { startTellingNode } from './nodes/telling-node-process.ts';
import type { JobClient } from './queued-jobs.ts';
import { temporaryFolder } from './temporary-folder.ts';

type Ready = { url: string; apiKey: string; adminToken: string };

/** A relay in a process of its own that can be killed and started again, and a node that outlives it. */
export async function startMortalRelay(t: TestContext) {
  const data = temporaryFolder(t);
  const port = String(await freePort());
  const place = ['--host', '127.0.0.1', '--port', port, '--no-announce', '--data', data];
  const start = () => sparewatt(['relay', ...place, '--ready-json', '--log-level', 'silent']);
  let relay = start();
  const ready = JSON.parse(await relay.firstLine()) as Ready;
  // Its nats-server outlives a kill, and goes with an orderly stop.
  afterTest(t, async () => {
    relay.child.kill('SIGTERM');
    await relay.exit;
  });
  const node = await startTellingNode({ relayUrl: ready.url, slots: 4 });
  afterTest(t, node.kill);
  const as = (key: string): JobClient => ({
    request: (path, init = {}) =>
      fetch(`${ready.url}${path}`, {
        ...init,
        headers: { ...(init.headers as object), authorization: `Bearer ${key}` },
      }),
  });
  return {
    node,
    client: as(ready.apiKey),
    operator: as(ready.adminToken),
    kill: async () => {
      relay.child.kill('SIGKILL');
      await relay.exit;
      relay = start();
      await relay.firstLine();
    },
  };
}
