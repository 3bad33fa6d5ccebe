import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** What a test does to one answer; `next` sends the file as it is. */
export type Interference = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

export type HubMirror = {
  url: string;
  /** Paths asked for so far, in order, as `name` or `name (bytes=…)`. */
  requests: string[];
  /** Applies to every request for a path that ends like this, until it is removed. */
  interfere(ending: string, interference: Interference): void;
  heal(): void;
  close(): Promise<void>;
};

export const COMMIT = 'a'.repeat(40);

/** Serves a folder of models over loopback as the Hugging Face hub does, digests, commits and ranges included. */
export async function startHubMirror(root: string): Promise<HubMirror> {
  const interferences = new Map<string, Interference>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    void answer(root, request, response, interferences, requests);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    interfere: (ending, interference) => void interferences.set(ending, interference),
    heal: () => interferences.clear(),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function answer(
  root: string,
  request: IncomingMessage,
  response: ServerResponse,
  interferences: Map<string, Interference>,
  requests: string[],
): Promise<void> {
  const [model = '', name = ''] = (request.url ?? '/').slice(1).split(/\/resolve\/[^/]+\//);
  requests.push(request.headers.range === undefined ? name : `${name} (${request.headers.range})`);
  const body = await readFile(join(root, model, name)).catch(() => null);
  const interference = [...interferences].find(([ending]) => name.endsWith(ending))?.[1];
  if (interference !== undefined) return interference(request, response, body ?? Buffer.alloc(0));
  if (body === null) return void response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end();
  sendFile(request, response, body);
}

/** Sends the file, or the rest of it that the request asks for. */
export function sendFile(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const part = body.subarray(from);
  response.writeHead(from > 0 ? 206 : 200, { ...fileHeaders(body), 'content-length': String(part.length) });
  response.end(part);
}

export function fileHeaders(body: Buffer): Record<string, string> {
  return {
    'content-type': 'application/octet-stream',
    'x-repo-commit': COMMIT,
    'x-linked-etag': `"${createHash('sha256').update(body).digest('hex')}"`,
  };
}
