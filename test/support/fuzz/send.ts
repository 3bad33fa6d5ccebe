import { Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { FuzzRequest } from './requests.ts';

export type FuzzAnswer =
  | { is: 'answer'; status: number; headers: Record<string, string | string[] | undefined>; body: string }
  /** The client went away before it had the whole of an answer, or the relay ended the connection as asked. */
  | { is: 'left' }
  | { is: 'hung' }
  | { is: 'cut'; error: string };

export type Sending = Omit<FuzzRequest, 'operation' | 'sender'> & {
  /** How long the client waits before it goes away by itself. */
  patienceMs: number;
  /** Whether an answer that has not come by then is late. */
  isOwed: boolean;
};

/** What a relay may take for bytes that never become a request: it waits for the rest of a body. */
const RAW_MS = 300;
const CONNECTIONS = 64;

/** A client that sends what others would not. */
export type FuzzClient = { send(sending: Sending): Promise<FuzzAnswer>; close(): void };

export function createFuzzClient(url: string): FuzzClient {
  const { hostname, port } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const place = { hostname, port: Number(port) };
  return {
    send: (sending) => {
      const isPlain =
        sending.delivery === 'whole' || sending.delivery === 'chunked' || sending.delivery === 'impatient';
      if (!isPlain) return sendRaw(place, sending);
      try {
        return sendPlain({ ...place, agent }, sending);
      } catch {
        // Node's own client refuses such addresses and headers.
        return sendRaw(place, sending);
      }
    },
    close: () => agent.destroy(),
  };
}

type Place = { hostname: string; port: number };

function sendPlain(
  place: Place & { agent: Agent },
  { method, target, headers, body, ...sending }: Sending,
): Promise<FuzzAnswer> {
  const asking = httpRequest({ ...place, method, path: target, setHost: true });
  for (const [name, value] of headers) asking.setHeader(name, value);
  const isChunked = sending.delivery === 'chunked';
  if (body !== undefined && !isChunked) asking.setHeader('content-length', Buffer.byteLength(body));
  const answer = readAnswer(asking, sending);
  if (body === undefined) asking.end();
  else if (isChunked) {
    const half = Math.floor(body.length / 2);
    asking.write(body.slice(0, half));
    asking.end(body.slice(half));
  } else asking.end(body);
  return answer;
}

function readAnswer(
  asking: ClientRequest,
  { patienceMs, isOwed, delivery }: Pick<Sending, 'patienceMs' | 'isOwed' | 'delivery'>,
) {
  return new Promise<FuzzAnswer>((resolve) => {
    const isImpatient = delivery === 'impatient';
    const finish = (answer: FuzzAnswer): void => {
      clearTimeout(timer);
      resolve(answer);
      if (answer.is !== 'answer') asking.destroy();
    };
    const timer = setTimeout(
      () => finish({ is: isOwed && !isImpatient ? 'hung' : 'left' }),
      isImpatient ? 5 : patienceMs,
    );
    // The relay may have ended a connection in the moment in which it was used again: only on a new one it is at fault.
    asking.on('error', (error) => finish(asking.reusedSocket ? { is: 'left' } : { is: 'cut', error: String(error) }));
    asking.on('upgrade', (_answer, socket) => {
      socket.destroy();
      finish({ is: 'left' });
    });
    asking.on('response', (answer: IncomingMessage) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', (error) => finish({ is: 'cut', error: String(error) }));
      answer.on('end', () => {
        const { statusCode: status = 0, headers } = answer;
        finish({ is: 'answer', status, headers, body: Buffer.concat(chunks).toString('utf8') });
      });
    });
  });
}

/** The bytes as they are, on a connection of their own that ends with them. */
function sendRaw({ hostname, port }: Place, sending: Sending): Promise<FuzzAnswer> {
  const { delivery } = sending;
  return new Promise((resolve) => {
    const socket = connect(port, hostname);
    const chunks: Buffer[] = [];
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(parseAnswer(Buffer.concat(chunks)) ?? { is: 'left' });
    };
    const timer = setTimeout(finish, RAW_MS);
    socket.on('error', finish);
    socket.on('close', finish);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      // An upgrade is not followed by an end.
      if (delivery === 'upgrade') setTimeout(finish, 10);
    });
    socket.on('connect', () => {
      socket.write(bytesOf(sending, `${hostname}:${port}`));
      if (delivery === 'cut') setTimeout(finish, 2);
    });
  });
}

function bytesOf({ method, target, headers, body = '', delivery }: Sending, host: string): Buffer {
  const length = Buffer.byteLength(body);
  const told = { cut: length + 10, short: length + 100, long: Math.max(0, length - 5) }[delivery as 'cut'] ?? length;
  const lines = [
    `${method} ${target} HTTP/1.1`,
    `host: ${host}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  if (delivery === 'upgrade') {
    lines.push(
      'connection: upgrade',
      'upgrade: websocket',
      'sec-websocket-version: 13',
      'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==',
    );
  } else lines.push('connection: close');
  if (told > 0) lines.push(`content-length: ${told}`);
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body as string)]);
}

/** The first answer of a connection, if its head and body are whole. */
function parseAnswer(bytes: Buffer): FuzzAnswer | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const status = Number(first.split(' ')[1]);
  const length = Number(headers['content-length'] ?? 0);
  const body = bytes.subarray(end + 4, end + 4 + length);
  if (status < 200 || body.length < length || headers['transfer-encoding'] !== undefined) return undefined;
  return { is: 'answer', status, headers, body: body.toString('utf8') };
}
