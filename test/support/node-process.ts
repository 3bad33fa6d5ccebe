import { startReadyProcess } from './ready-process.ts';

export type NodeProcess = { readonly nodeId: string; readonly pid: number; stop(): Promise<void> };

/** A node with the synthetic runtime in a process of its own, ready when the relay has opened a session with it. */
export async function startNodeProcess(options: { relayUrl: string; slots: number }): Promise<NodeProcess> {
  const file = new URL('synthetic-node.ts', import.meta.url);
  const { pid, message, stop } = await startReadyProcess<string>(file, [options.relayUrl, String(options.slots)]);
  return { nodeId: message, pid, stop };
}
