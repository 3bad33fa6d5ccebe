import type { IncomingMessage } from 'node:http';
import type { TestContext } from 'node:test';
import WebSocket from 'ws';
import type { LiveMessage } from '../../shared/api/live.ts';
import { createInbox, type Inbox } from './inbox.ts';
import type { Pool } from './pool.ts';

/** Signs in as the page of this origin would, and gives the cookie. */
export async function signIn(pool: Pool, token = pool.relay.adminToken, origin = pool.relay.url): Promise<string> {
  const response = await fetch(`${pool.relay.url}/v1/admin/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin },
    body: JSON.stringify({ token }),
  });
  if (response.status !== 200) throw new Error(`not let in: ${response.status} ${await response.text()}`);
  return (response.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? '';
}

export type LiveLine = {
  readonly messages: Inbox<LiveMessage>;
  /** The close code, once it is closed. */
  readonly closed: Promise<number>;
  close(): void;
};

/** Opens `/v1/ws`. Rejects with the status of a refusal. */
export async function openLive(
  t: TestContext,
  pool: Pool,
  headers: Record<string, string>,
  after?: string,
): Promise<LiveLine> {
  const url = `${pool.relay.url.replace('http', 'ws')}/v1/ws${after === undefined ? '' : `?after=${after}`}`;
  const socket = new WebSocket(url, { headers });
  t.after(() => socket.terminate());
  const messages = createInbox<LiveMessage>();
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  socket.on('message', (data) => messages.push(JSON.parse(String(data)) as LiveMessage));
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, { statusCode }: IncomingMessage) => {
      socket.terminate();
      reject(new Error(`status ${statusCode}`));
    });
  });
  return { messages, closed, close: () => socket.close() };
}
