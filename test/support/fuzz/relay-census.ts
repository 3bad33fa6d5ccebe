import { readdirSync } from 'node:fs';

/** What a process holds when it has been made to collect its garbage. */
export type Census = { heapBytes: number; rssBytes: number; handles: Record<string, number>; descriptors: number };

export type Inspector = { census(): Promise<Census>; close(): void };

const STATE = `JSON.stringify({
  heapBytes: process.memoryUsage().heapUsed,
  rssBytes: process.memoryUsage().rss,
  resources: process.getActiveResourcesInfo(),
})`;

/** Looks into a Node process by its debugger's address. */
export async function openInspector(url: string, pid: number): Promise<Inspector> {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error(`nobody inspects at ${url}`));
  });
  let next = 0;
  const waiting = new Map<number, (result: unknown) => void>();
  socket.onmessage = ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { id: number; result: unknown };
    waiting.get(id)?.(result);
    waiting.delete(id);
  };
  const call = (method: string, params: object = {}): Promise<unknown> =>
    new Promise((resolve) => {
      next += 1;
      waiting.set(next, resolve);
      socket.send(JSON.stringify({ id: next, method, params }));
    });
  return {
    census: async () => {
      // What a first collection finalises is only freed by a second.
      for (let round = 0; round < 2; round++) await call('HeapProfiler.collectGarbage');
      const { result } = (await call('Runtime.evaluate', { expression: STATE })) as { result: { value: string } };
      const { resources, ...memory } = JSON.parse(result.value) as Omit<Census, 'handles'> & { resources: string[] };
      const handles: Record<string, number> = {};
      for (const name of resources) handles[name] = (handles[name] ?? 0) + 1;
      return { ...memory, handles, descriptors: readdirSync(`/proc/${pid}/fd`).length };
    },
    close: () => socket.close(),
  };
}
