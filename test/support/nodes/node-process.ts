import { startReadyProcess } from '../ready-process.ts';

export type NodeProcess = { readonly nodeId: string; readonly pid: number; stop(): Promise<void> };

/** `pacesMs` are those of `createPacedRuntime`. */
export type NodeProcessOptions = { relayUrl: string; slots: number; pacesMs?: readonly number[] };

/** A node with the synthetic runtime in a process of its own, ready when the relay has opened a session with it. */
export async function startNodeProcess({ relayUrl, slots, pacesMs = [] }: NodeProcessOptions): Promise<NodeProcess> {
  const file = new URL('synthetic-node.ts', import.meta.url);
  const { pid, message, stop } = await startReadyProcess<string>(file, [
    relayUrl,
    String(slots),
    ...pacesMs.map(String),
  ]);
  return { nodeId: message, pid, stop };
}
