export const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export type NodeOfPage = { relayUrl: string; name: string; publicKey: string; seed: string };

/** Makes a page a node, with a runtime that needs no model. It runs in the page, and knows nothing of this file. */
export async function startNode({ relayUrl, name, publicKey, seed }: NodeOfPage): Promise<string> {
  const load = (path: string) => import(`/test-modules/${path}`);
  const { startAgent } = await load('shared/agent/agent.ts');
  const { connectToBus } = await load('shared/agent/nats-connection.ts');
  const { createSyntheticRuntime } = await load('test/support/runtimes/synthetic-runtime.ts');
  const say = (): void => undefined;
  const agent = startAgent({
    relayUrl,
    name,
    version: '0.0.0-test',
    slots: 2,
    hardware: { platform: 'browser', arch: 'wasm', cpu: '', cpu_threads: 1, memory_bytes: 0 },
    identity: { publicKey, seed: new TextEncoder().encode(seed) },
    runtime: createSyntheticRuntime(),
    connect: connectToBus,
    fetch: globalThis.fetch.bind(globalThis),
    now: Date.now,
    randomId: () => crypto.randomUUID(),
    log: { info: say, warn: say, error: say },
  });
  Object.assign(globalThis, { agent });
  return agent.ready;
}
