import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Problem } from '../../../shared/problems/problem.ts';
import { newId } from '../../jobs/id.ts';
import type { RelayApp } from '../../services.ts';
import { answerText } from './answer-on-socket.ts';
import { endLingering } from './lingering-close.ts';

/** The packet is a Buffer, whatever the framework's types say. */
type BrokenRequest = Error & { code?: string; rawPacket?: unknown; bytesParsed?: number };
/** Node's own handler looks at the answer that is under way by this name. */
type AnsweringSocket = Socket & { _httpMessage?: ServerResponse | null };

const HEAD = Buffer.from('HEAD ');
const END_OF_HEAD = '\r\n\r\n';

/**
 * Answers bytes that never became a request, so that they too get our shape; the connection ends with it. Node calls it
 * again for each piece that follows.
 */
export function answerBrokenRequest(error: BrokenRequest, socket: Socket): void {
  if (error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  if (!socket.writable) return;
  endLingering(socket, answerText(problemOf(error), { requestId: newId('req'), isHead: isOfHead(error, socket) }));
}

/** Refuses what `hostProblemOf` names, before anything is read of it. */
export function refuseWrongHosts(app: RelayApp): void {
  app.addHook('onRequest', ({ raw }, _reply, done) => done(hostProblemOf(raw)));
}

/** What HTTP/1.1 forbids (RFC 9112, 3.2); Node's own refusal, which is switched off, has neither code nor body. */
export function hostProblemOf({ headers, rawHeaders, httpVersion }: IncomingMessage): Problem | undefined {
  if (headers.host === undefined && httpVersion === '1.1')
    return new Problem('malformed_request', 'The request has no Host header, which HTTP/1.1 asks for.');
  if (!hasHostTwice(rawHeaders)) return undefined;
  // Who stands before this relay may have read the other one.
  return new Problem('malformed_request', 'The request has more than one Host header. Send one.');
}

/** Node reads the first, and forgets the others. */
function hasHostTwice(rawHeaders: readonly string[]): boolean {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'host') count += 1;
  }
  return count > 1;
}

/** Whether its client takes the answer for that of a HEAD: one that is broken, or not answered yet. */
function isOfHead({ rawPacket, bytesParsed }: BrokenRequest, socket: AnsweringSocket): boolean {
  const answer = socket._httpMessage;
  if (answer != null && !answer.writableEnded) return answer.req.method === 'HEAD';
  if (!Buffer.isBuffer(rawPacket) || !rawPacket.subarray(0, HEAD.length).equals(HEAD)) return false;
  // A whole head belongs to a request before the broken one.
  return !rawPacket.subarray(0, bytesParsed).includes(END_OF_HEAD);
}

function problemOf(error: BrokenRequest): Problem {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('headers_too_large', 'Address and headers are larger than the relay reads. Shorten them.');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('request_timeout', 'The request took too long to arrive.');
    default:
      return new Problem('malformed_request', 'These bytes are not a valid HTTP/1.1 request.');
  }
}
