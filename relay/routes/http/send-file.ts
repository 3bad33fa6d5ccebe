import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Problem } from '../../../shared/problems/problem.ts';
import type { FileDepot } from '../../files/file-depot.ts';
import type { FileRecord } from '../../store/file-store.ts';
import { cutIfStalled } from './unread.ts';

const BYTES = { schema: Type.String() };
const CONTENT = { 'application/octet-stream': BYTES, '*/*': BYTES };

/** For the documentation: what `sendFile` answers with. The media type is that of the file. */
export const FILE_ANSWERS = {
  200: { description: 'The content.', content: CONTENT },
  206: { description: 'The part that `Range` names.', content: CONTENT },
  304: Type.Null({ description: 'It is what `If-None-Match` names.' }),
};

type Span = { start: number; end: number };

/**
 * Answers with a file's content, or with the one part of it that `Range` asks for (RFC 9110).
 * Errors: `range_not_satisfiable`, `file_not_found`.
 */
export async function sendFile(
  request: FastifyRequest,
  to: unknown,
  file: FileRecord,
  depot: FileDepot,
): Promise<FastifyReply> {
  const reply = to as FastifyReply;
  const { sha256, sizeBytes, mediaType, filename } = file;
  const etag = `"${sha256}"`;
  reply.headers({
    'accept-ranges': 'bytes',
    etag,
    'content-type': mediaType,
    // Content of clients is never a page of the relay's.
    'content-disposition': `attachment; filename*=UTF-8''${encodeName(filename)}`,
    'content-security-policy': "sandbox; default-src 'none'",
    'x-content-type-options': 'nosniff',
    'cache-control': 'private, no-cache',
  });
  if (request.headers['if-none-match'] === etag) return reply.code(304).send();
  const ifRange = request.headers['if-range'];
  const range = ifRange === undefined || ifRange === etag ? request.headers.range : undefined;
  const span = spanOf(range, sizeBytes, reply);
  const length = span === undefined ? sizeBytes : span.end - span.start + 1;
  reply.header('content-length', length);
  if (span !== undefined) reply.code(206).header('content-range', `bytes ${span.start}-${span.end}/${sizeBytes}`);
  // The framework would count an empty text, and puts its length in the place of the file's.
  if (request.method === 'HEAD' || length === 0) return reply.send(Readable.from([]));
  const content = await depot.read(file, span);
  cutIfStalled(reply);
  return reply.send(content);
}

/** Several ranges, and what is no range, are answered with the whole, as the standard allows. */
function spanOf(range: string | undefined, sizeBytes: number, reply: FastifyReply): Span | undefined {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  const start = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (start <= end) return { start, end };
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  reply.header('content-range', `bytes */${sizeBytes}`);
  throw new Problem('range_not_satisfiable', `The file has ${sizeBytes} bytes. Ask for a range within it.`, {
    param: 'Range',
  });
}

function encodeName(filename: string): string {
  return encodeURIComponent(filename).replace(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}
