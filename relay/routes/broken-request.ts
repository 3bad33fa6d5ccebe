import type { Socket } from 'node:net';
import { Problem } from '../../shared/problems/problem.ts';
import { newId } from '../jobs/id.ts';
import { answerOnSocket } from './answer-on-socket.ts';

/** The packet is a Buffer, whatever the framework's types say. */
type BrokenRequest = Error & { code?: string; rawPacket?: unknown };

const HEAD = 'HEAD ';

/** Answers bytes that never became a request, so that they too get our shape; the connection ends with it. */
export function answerBrokenRequest(error: BrokenRequest, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  // Whoever sent a HEAD would take a body for the next answer.
  const { rawPacket } = error;
  const isHead = Buffer.isBuffer(rawPacket) && rawPacket.subarray(0, HEAD.length).toString('latin1') === HEAD;
  answerOnSocket(socket, problemOf(error), newId('req'), isHead);
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
