import type { Duplex } from 'node:stream';
import { retryHeaders, toErrorBody } from '../../shared/problems/http.ts';
import type { Problem } from '../../shared/problems/problem.ts';

/** Answers where there is a socket and no response, in the shape of all errors; the connection ends with it. */
export function answerOnSocket(socket: Duplex, problem: Problem, requestId: string): void {
  socket.end(answerText(problem, requestId), () => socket.destroy());
}

/** The bytes of such an answer; whoever sent a HEAD would take a body for the next one. */
export function answerText(problem: Problem, requestId: string, isHead = false): string {
  const body = JSON.stringify(toErrorBody(problem, requestId));
  const headers = {
    connection: 'close',
    'content-type': 'application/problem+json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    ...retryHeaders(problem),
    'x-request-id': requestId,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const head = [`HTTP/1.1 ${problem.status} ${problem.title}`, ...lines].join('\r\n');
  return `${head}\r\n\r\n${isHead ? '' : body}`;
}
