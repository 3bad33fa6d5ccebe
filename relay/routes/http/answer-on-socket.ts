import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { retryHeaders, toErrorBody } from '../../../shared/problems/http.ts';
import type { Problem } from '../../../shared/problems/problem.ts';
import { requestIdOf } from './request-id.ts';

export type SocketAnswer = {
  requestId: string;
  /** Whoever sent a HEAD would take a body for the next answer. */
  isHead?: boolean;
  headers?: Readonly<Record<string, string>>;
};

/** Answers a request where there is a socket and no response, in the shape of all errors; the connection ends with it. */
export function answerOnSocket(
  socket: Duplex,
  problem: Problem,
  request: IncomingMessage,
  headers: Readonly<Record<string, string>> = {},
): void {
  // Perhaps nobody else listens to this socket's errors, and an unheard one would end the process.
  socket.on('error', () => socket.destroy());
  const answer = { requestId: requestIdOf(request), isHead: request.method === 'HEAD', headers };
  socket.end(answerText(problem, answer), () => socket.destroy());
}

/** The bytes of such an answer. */
export function answerText(problem: Problem, { requestId, isHead = false, headers = {} }: SocketAnswer): string {
  const body = JSON.stringify(toErrorBody(problem, requestId));
  const all = {
    connection: 'close',
    'content-type': 'application/problem+json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    ...retryHeaders(problem),
    'x-request-id': requestId,
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  const head = [`HTTP/1.1 ${problem.status} ${problem.title}`, ...lines].join('\r\n');
  return `${head}\r\n\r\n${isHead ? '' : body}`;
}
