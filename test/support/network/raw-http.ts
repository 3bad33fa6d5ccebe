import { connect, type Socket } from 'node:net';
import type { Pool } from '../pool.ts';

export type RawAnswer = { status: number; headers: Headers; body: string };
export type RawRequest = { method?: string; path: string; headers?: string[]; body?: string };

/** Sends bytes as they are and reads until the relay ends the connection. */
export async function exchange(pool: Pool, bytes: string): Promise<RawAnswer> {
  const socket = dial(pool);
  socket.write(bytes);
  return await readAnswer(socket);
}

/** Reads an answer until the relay ends the connection. */
export async function readAnswer(socket: Socket): Promise<RawAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return parseAnswer(Buffer.concat(chunks).toString('utf8'));
}

/** The bytes of a request with the pool's key that asks for the connection to be closed; headers are not checked. */
export function requestBytes(pool: Pool, { method = 'GET', path, headers = [], body }: RawRequest): string {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: relay', `Authorization: Bearer ${pool.relay.apiKey}`, ...headers];
  if (!headers.some((line) => /^connection:/i.test(line))) lines.push('Connection: close');
  if (body !== undefined) lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  return `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`;
}

/** A connection to the relay. Half-open reads end with the relay's side. */
export function dial(pool: Pool): Socket {
  const { hostname, port } = new URL(pool.relay.url);
  return connect(Number(port), hostname);
}

function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n');
  const [status = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = new Headers(
    lines.map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  );
  return { status: Number(status.split(' ')[1]), headers, body: text.slice(end + 4) };
}
